"""What is said where there is no definition."""


class Undefined(ValueError):
    """What a kind computes is not known, or not with what it states."""
