"""Numbers with a suffix, such as ``500m`` and ``1Gi`` (apimachinery ``api/resource``)."""

from __future__ import annotations

from decimal import Decimal

_SUFFIXES = {
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate(("m", "u", "n"), 1)},
}


def amount(quantity: str) -> Decimal:
    """Return a resource.Quantity as a number; ``strict`` has let only well-formed ones pass."""
    number = quantity.rstrip("KMGTPEikmun")
    suffix = quantity[len(number) :]
    return Decimal(number) * _SUFFIXES[suffix]
