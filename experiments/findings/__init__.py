"""Findings: what the traces of an experiment say. They read numbers and move none."""
