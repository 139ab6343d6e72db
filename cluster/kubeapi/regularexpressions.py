"""Regular expressions of Go (RE2), as Python reads them. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_GO = re.compile(r"(\\.)|\[\[:|\$", re.DOTALL)


@lru_cache(maxsize=256)
def go_regexp(pattern: str) -> re.Pattern[str]:
    r"""Return a pattern of Go; ValueError if Python cannot read it. In Go $ is the end of the text alone, as \z is."""
    translated = _GO.sub(lambda found: {"\\z": r"\Z", "$": r"\Z"}.get(found[0], found[0]), pattern)
    try:
        return re.compile(translated, re.ASCII)
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from None
