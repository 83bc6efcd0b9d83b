"""Weights from one framework's file into another's: names and layouts by laws, in NumPy only."""
