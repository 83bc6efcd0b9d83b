"""The door for other projects: what they import and install."""
