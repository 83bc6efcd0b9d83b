"""Reports: findings, told to a person. A report reads the document of common/findings.py and nothing else."""
