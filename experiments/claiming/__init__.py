"""Claims of a textbook article on the vanishing gradient, tried in three frameworks.

What `experiments.claims` measures.
"""
