"""Figures to order: the page's charts for a column of a paper, the width of its page, or a slide.

    python -m experiments.compare --figures DIR
    python -m experiments.report results/ --figures DIR --only profile --size slide --format svg png

Flags (flags.py), sizes (sizes.py), the rows of each chart as the page's script makes them
(rows.py), the charts fitted into their size (drawn.py, fitted.py), in words (spoken.py), and as
files (files.py).
"""
