"""Shares of some replicas: a number of them, or a percentage (IntOrString; pkg/apis/apps/validation)."""

from __future__ import annotations

import re

from kubeapi.validation.faults import Faults, invalid, not_negative

_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_FAULT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)


def validate_share(path: str, value: int | str, *, is_bounded: bool) -> Faults:
    """Yield the faults of a share; ``is_bounded`` refuses more than all replicas."""
    if isinstance(value, int):
        yield from not_negative(path, value)
    elif not _PERCENT.fullmatch(value):
        yield invalid(path, value, _PERCENT_FAULT)
    elif is_bounded and int(value[:-1]) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def is_zero_share(value: int | str) -> bool:
    """Tell whether a share, which may be faulty, is no replica."""
    return value == 0 or (isinstance(value, str) and bool(_PERCENT.fullmatch(value)) and int(value[:-1]) == 0)
