"""The client's side of SPDY/3.1, written from the draft and apart from the product's engine."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from kubeapi.streaming.headerblocks import DICTIONARY

_KINDS = {2: "reply", 3: "reset", 6: "ping", 7: "goaway"}


class SpdyClient:
    """Makes the frames of a client and reads those of a server."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)
        self._unread = b""

    def open(self, stream: int, headers: Mapping[str, str], *, is_finished: bool = False) -> bytes:
        """Return a SYN_STREAM."""
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for word in (name.encode(), value.encode()):
                plain += struct.pack(">I", len(word)) + word
        block = self._packer.compress(plain) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIH", stream, 0, 0) + block
        return struct.pack(">HHI", 0x8003, 1, int(is_finished) << 24 | len(body)) + body

    def data(self, stream: int, content: bytes, *, is_finished: bool = False) -> bytes:
        """Return a data frame."""
        return struct.pack(">II", stream, int(is_finished) << 24 | len(content)) + content

    def reset(self, stream: int) -> bytes:
        """Return a RST_STREAM."""
        return struct.pack(">HHIII", 0x8003, 3, 8, stream, 5)

    def read(self, content: bytes) -> list[tuple[object, ...]]:
        """Return ("reply", stream), ("data", stream, bytes) and ("end", stream) of what a server has sent."""
        self._unread += content
        found: list[tuple[object, ...]] = []
        while len(self._unread) >= 8:
            first, second = struct.unpack_from(">II", self._unread)
            length = second & 0xFFFFFF
            if len(self._unread) < 8 + length:
                break
            body, self._unread = self._unread[8 : 8 + length], self._unread[8 + length :]
            if first >> 31:
                if first & 0xFFFF == 2:
                    self._unpacker.decompress(body[4:])
                found.append((_KINDS[first & 0xFFFF], int.from_bytes(body[:4], "big")))
                continue
            if body:
                found.append(("data", first, body))
            if second >> 24:
                found.append(("end", first))
        return found
