"""Names and arguments: what is what in PyTorch, Keras and JAX (rosetta.py)."""
