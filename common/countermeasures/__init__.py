"""One file for each countermeasure.

The words, the frozen spec with every number stated, the formula, its source.
"""
