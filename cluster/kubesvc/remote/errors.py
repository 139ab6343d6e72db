"""What ends a command that follows a real cluster, for reasons that the user can mend."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot do what it is asked for; the text names the obstacle and the remedy."""
