"""Somebody's own models: opened in a process of their own, captured, diagnosed, and compared with their ports."""
