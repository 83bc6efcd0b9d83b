"""Reports: findings, told to a person.

From the document of experiments/findings/document.py and the traces of its runs.
"""
