"""The error of a start."""


class StartError(Exception):
    """The cluster cannot start; the text names the obstacle, its owner and the remedy."""
