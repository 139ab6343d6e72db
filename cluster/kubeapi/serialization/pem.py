"""The blocks of a PEM text, read as Go's encoding/pem does: what is around them does not count. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = re.compile(r"^-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)-----END \1-----[ \t\r]*$", re.MULTILINE | re.DOTALL)
_HEADERS = re.compile(r"(?:[^\n:]+:[^\n]*\n)+\s*")
_CONSTRAINTS = re.compile(rb"\x06\x03\x55\x1d\x13(?:\x01\x01\xff)?\x04.\x30.(\x01\x01\xff)?", re.DOTALL)
"""The extension basicConstraints (2.5.29.19) in DER, and whether cA is true in it."""
_SEQUENCE = 0x30
_LINE = 64


class Block(NamedTuple):
    """One block: its type, such as CERTIFICATE, its bytes, and whether it has headers."""

    kind: str
    content: bytes
    has_headers: bool

    @property
    def is_certificate(self) -> bool:
        """Whether the bytes are one DER sequence, as those of a certificate are."""
        raw = self.content
        if len(raw) < 4 or raw[0] != _SEQUENCE:
            return False
        extra = raw[1] & 0x7F if raw[1] & 0x80 else 0
        size = int.from_bytes(raw[2 : 2 + extra], "big") if extra else raw[1]
        return len(raw) == 2 + extra + size

    @property
    def is_authority(self) -> bool:
        """Whether the certificate is one of an authority (basicConstraints, cA)."""
        found = _CONSTRAINTS.search(self.content)
        return found is not None and found[1] is not None


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text; what cannot be read as one is left out."""
    for found in _BLOCK.finditer(text):
        headers = _HEADERS.match(found[2])
        body = found[2][headers.end() :] if headers else found[2]
        try:
            yield Block(found[1], base64.b64decode("".join(body.split()), validate=True), headers is not None)
        except binascii.Error:
            continue


def certificate_block(content: bytes) -> str:
    """Return a certificate as a block."""
    text = base64.b64encode(content).decode()
    lines = "".join(f"{text[start : start + _LINE]}\n" for start in range(0, len(text), _LINE))
    return f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n"
