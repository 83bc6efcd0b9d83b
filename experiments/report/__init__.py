"""Reports: findings, told to a person, from the document of common/findings.py and the traces of its runs."""
