"""Whether a value at a path is as it was before an update (KEP-4008; apiserver ``pkg/cel/common/equality.go``). Pure.

Items of a list have an earlier value only in a list of keyed items; those of any other list are as they were if the
whole list is.
"""

from __future__ import annotations

import re
from typing import Any

from kubeapi.customresources.schema.pruning import field_of, items_of
from kubeapi.meta import JSON

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


def is_as_before(new: Any, old: Any, schema: JSON | None, path: str) -> bool:
    """Tell whether what is at a path of an object (``spec.list[0].name``) is the same as in the old object."""
    for found in _STEP.finditer(path):
        if old is None:
            return False
        if isinstance(new, list):
            if schema is None or schema.get("x-kubernetes-list-type") != "map":
                return bool(new == old)
            item = _at(new, found[2])
            new, old, schema = item, earlier_item(item, old, schema), items_of(schema)
        elif isinstance(new, dict) and isinstance(old, dict):
            name = found[1] or found[2]
            new, old, schema = new.get(name), old.get(name), field_of(schema, name)
        else:
            return bool(new == old)
    return bool(new == old)


def _at(items: list[Any], index: str | None) -> Any:
    return items[int(index)] if index and index.isdecimal() and int(index) < len(items) else None


def earlier_item(item: Any, before: Any, schema: JSON) -> JSON | None:
    """Return the item of the list before the update that has the same keys; None without one, or in another list."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(item, dict) or not isinstance(before, list):
        return None
    keys = schema.get("x-kubernetes-list-map-keys", ())
    wanted = [item.get(each) for each in keys]
    same = (each for each in before if isinstance(each, dict) and [each.get(key) for key in keys] == wanted)
    return next(same, None)
