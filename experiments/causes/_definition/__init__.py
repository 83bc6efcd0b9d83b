"""What each kind computes."""


class Undefined(ValueError):
    """What a kind computes is not known, or not with what it states."""
