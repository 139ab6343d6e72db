"""The certificates of an address' TLS port: which of them a client gets, by the name that it asks for. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at

TLS_TYPE = "kubernetes.io/tls"
_CERTIFICATE, _KEY = "tls.crt", "tls.key"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate, with those that lead to its authority, and its key, in PEM. Its text never has them."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


class Certificates(NamedTuple):
    """``by_name`` is by host, or by ``*.`` and a domain; clients of all other names get ``default``."""

    default: KeyPair
    by_name: Mapping[str, KeyPair] = {}

    def find(self, name: str | None) -> KeyPair:
        """Return what a client gets that asks for ``name`` (SNI), None if it asks for none."""
        host = (name or "").lower().rstrip(".")
        found = self.by_name.get(host) or self.by_name.get(wildcard_of(host)) or self.by_name.get("")
        return found or self.default


def wildcard_of(host: str) -> str:
    """Return the wildcard that covers a host: it stands for exactly one label."""
    return f"*.{host.partition('.')[2]}"


def covers(names: Mapping[str, object] | frozenset[str], host: str) -> bool:
    """Tell whether one of the names, among them wildcards and "" for all, is that of a host or wildcard."""
    return host in names or "" in names or (not host.startswith("*.") and wildcard_of(host) in names)


def read_pair(secret: JSON) -> KeyPair | str:
    """Return the pair of a Secret, or why it has none."""
    data = map_at(secret, "data")
    missing = [each for each in (_CERTIFICATE, _KEY) if not data.get(each)]
    if missing:
        what = (
            "" if secret.get("type") == TLS_TYPE else f" (its type is {secret.get('type', 'Opaque')}, not {TLS_TYPE})"
        )
        return f"has no {' and no '.join(missing)}{what}"
    try:
        return KeyPair(*(base64.b64decode(data[each], validate=True) for each in (_CERTIFICATE, _KEY)))
    except (binascii.Error, ValueError, TypeError) as error:
        return f"is not base64: {error}"
