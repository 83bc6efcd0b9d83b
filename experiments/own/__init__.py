"""Somebody's own models.

They are opened in a process of their own, captured, diagnosed, and compared with their ports.
"""
