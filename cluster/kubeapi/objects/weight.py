"""The weight of endpoints: the annotation ``kubesvc.dev/weight`` of a Pod, or of an EndpointSlice for all in it."""

from __future__ import annotations

from kubeapi.meta import JSON, annotations_of
from kubeapi.status import FieldError

WEIGHT_ANNOTATION = "kubesvc.dev/weight"
MOST_WEIGHT = 256
"""HAProxy's limit."""


def weight_of(obj: JSON) -> int | None:
    """Return the weight that an object gives its endpoints, None if it gives none that there is."""
    text = annotations_of(obj).get(WEIGHT_ANNOTATION)
    return None if text is None or weight_fault(text) else int(text)


def misplaced_weight(before: JSON | None, after: JSON) -> list[FieldError]:
    """Return the warning of a write that gives a weight to an object that has no endpoints of its own."""
    text = annotations_of(after).get(WEIGHT_ANNOTATION)
    if text is None or (before is not None and annotations_of(before).get(WEIGHT_ANNOTATION) == text):
        return []
    remedy = "annotate the pods, the metadata of their template, or an EndpointSlice"
    return [FieldError("Unused", f"metadata.annotations[{WEIGHT_ANNOTATION}]", f"has no effect here: {remedy}")]


def weight_fault(text: str) -> str:
    """Return what is wrong with the annotation's value, "" if nothing is."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_WEIGHT))
    # "007" is refused: to some programs a number that begins with 0 is octal.
    if is_number and int(text) <= MOST_WEIGHT and text == str(int(text)):
        return ""
    return f"must be a whole number between 0 and {MOST_WEIGHT}, inclusive, as text; 0 takes nothing new"
