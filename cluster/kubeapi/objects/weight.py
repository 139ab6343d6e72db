"""The weight of endpoints: the annotation ``kubesvc.dev/weight`` of a Pod, or of an EndpointSlice for all in it."""

from __future__ import annotations

from kubeapi.meta import JSON, annotations_of

WEIGHT_ANNOTATION = "kubesvc.dev/weight"
MOST_WEIGHT = 256
"""HAProxy's limit."""


def weight_of(obj: JSON) -> int | None:
    """Return the weight that an object gives its endpoints, None if it gives none that there is."""
    text = annotations_of(obj).get(WEIGHT_ANNOTATION)
    return None if text is None or weight_fault(text) else int(text)


def weight_fault(text: str) -> str:
    """Return what is wrong with the annotation's value, "" if nothing is."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_WEIGHT))
    if is_number and int(text) <= MOST_WEIGHT:
        return ""
    return f"must be a whole number between 0 and {MOST_WEIGHT}, inclusive, as text; 0 takes nothing new"
