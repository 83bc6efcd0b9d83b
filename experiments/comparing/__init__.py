"""One experiment on every backend, compared with the definition.

What `experiments.compare` asks and does.
"""
