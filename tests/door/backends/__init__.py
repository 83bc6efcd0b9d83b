"""Of the project that uses isograd."""

OWNER = "the project"
