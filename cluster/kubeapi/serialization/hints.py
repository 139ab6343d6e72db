"""The known field that was probably meant by an unknown one. Pure."""

from __future__ import annotations

import re

from kubeapi.schema import struct, struct_of
from kubeapi.scheme import Resource
from kubeapi.serialization.decoding import UNKNOWN_FIELD
from kubeapi.similar import nearest
from kubeapi.status import FieldError

_INDEX = re.compile(r"\[[^]]*\]")


def hint_for(resource: Resource, fault: FieldError) -> str:
    """Return the known field that is most similar to an unknown one, "" if there is none."""
    if fault.reason != UNKNOWN_FIELD:
        return ""
    *parents, name = _INDEX.sub("", fault.field).split(".")
    known = struct_of(resource)
    for parent in parents:
        field = known.fields.get(parent)
        while field is not None and field.element is not None:
            field = field.element
        if field is None or field.kind != "struct":
            return ""
        known = struct(field.name)
    return nearest(name, known.fields)
