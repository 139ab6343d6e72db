"""What tells a call of an admission webhook from every other for the same request. Pure."""

from __future__ import annotations

import hashlib
import json

from kubeapi.meta import JSON
from kubeapiserver.admission.hooks import Hook


def question_of(hook: Hook, request: JSON, round_: int) -> str:
    """Return the name of a question; ``round_`` 1 is a reinvocation."""
    asked = {**request, "object": _without_managers(request["object"])}
    text = json.dumps([hook.configuration, hook.name, hook.is_mutating, round_, asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_managers(obj: JSON | None) -> JSON | None:
    """Return an object without managedFields: their times change each time that a request is handled."""
    if obj is None or "managedFields" not in obj.get("metadata", {}):
        return obj
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}
