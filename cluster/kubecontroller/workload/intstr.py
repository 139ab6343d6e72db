"""Numbers of pods that may be written as a percentage (apimachinery ``util/intstr``). Pure."""

from __future__ import annotations


def scaled_value(number_or_percent: int | str, total: int, *, round_up: bool) -> int:
    """Return the value of an IntOrString: the number itself, or that percentage of ``total``."""
    if isinstance(number_or_percent, int):
        return number_or_percent
    percent = int(number_or_percent.rstrip("%"))
    return -(-percent * total // 100) if round_up else percent * total // 100  # the two signs turn floor into ceiling
