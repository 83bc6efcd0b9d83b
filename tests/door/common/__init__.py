"""Of the project that uses isograd."""

WIDTH = 6
