"""Patches of objects: strategic merge patches (``strategic``), JSON patches (``jsonpatch``), JSON merge patches."""

from __future__ import annotations

from typing import Any


def merge(document: Any, patch: Any) -> Any:
    """Return the document with a JSON merge patch applied (RFC 7386): null deletes, lists are replaced.

    Unlike in the RFC, objects in a list lose what is null in them, unless the list takes the place of an object
    (evanphx/json-patch, which the API server uses: findings/json-patch-merged-nulls.sh).
    """
    if isinstance(patch, list) and not isinstance(document, dict):
        return [merge(None, each) for each in patch]
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result
