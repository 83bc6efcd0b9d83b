"""The standard library of isograd: specs, chance, quantities and findings in NumPy; never a framework."""
