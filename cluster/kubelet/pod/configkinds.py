"""The kinds of objects that variables take values from. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NamedTuple


class ConfigKind(NamedTuple):
    """A kind of objects that variables take values from.

    ``key_reference`` is the field of ``valueFrom`` that names one key of an object, ``reference`` the field of
    ``envFrom`` that names a whole object. ``decode`` returns the text of a value of the object's ``data``.
    """

    kind: str
    key_reference: str
    reference: str
    decode: Callable[[str], str]


def _decode_base64(value: str) -> str:
    # A value that is no UTF-8 keeps its bytes: the same error handler encodes the process's environment.
    return base64.b64decode(value).decode(errors="surrogateescape")


CONFIG_KINDS = (
    ConfigKind("ConfigMap", "configMapKeyRef", "configMapRef", str),
    ConfigKind("Secret", "secretKeyRef", "secretRef", _decode_base64),
)
