"""Write JSON documents as YAML."""

from __future__ import annotations

import math
from typing import Any


def write_yaml(document: Any) -> str:
    """Return a JSON value as YAML, without line breaks in long strings."""
    import yaml  # slow to import, and rarely needed

    return str(yaml.safe_dump(document, allow_unicode=True, width=math.inf))
