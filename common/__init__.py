"""The standard library: specs, chance, quantities and findings in NumPy; never a framework."""
