"""The part of SPDY/3.1 that kubectl uses: multiplexed byte streams in one connection, without any IO. Pure.

``receive`` returns events; bytes to be sent are collected in ``outgoing``. Like kubectl's own implementation
(moby/spdystream) it has no flow control. Follows the SPDY/3.1 draft, https://www.chromium.org/spdy/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, HEADERS = 1, 2, 3, 6, 8
FIN = 1
CANCEL = 5
"""RST_STREAM's status code for a stream that is no longer needed."""

FRAME_LIMIT = 1024 * 1024
"""Bytes of one frame; kubectl's have at most 32 KiB."""
HEADER_LIMIT = 64 * 1024
"""Bytes of one header block, decompressed."""
STREAM_LIMIT = 2000
"""Open streams; a forwarded connection has two."""

_CONTROL = 0x8003
_WORDS = (
    "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,accept-ranges,age,"
    "allow,authorization,cache-control,connection,content-base,content-encoding,content-language,content-length,"
    "content-location,content-md5,content-range,content-type,date,etag,expect,expires,from,host,if-match,"
    "if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified,location,max-forwards,pragma,"
    "proxy-authenticate,proxy-authorization,range,referer,retry-after,server,te,trailer,transfer-encoding,"
    "upgrade,user-agent,vary,via,warning,www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,"
    "set-cookie,keep-alive,origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS.split(",")) + _TEXT.encode()
"""The zlib dictionary of header blocks (draft section 2.6.10.1)."""


class SpdyError(Exception):
    """The peer violates SPDY/3.1 or a limit; the connection cannot be used any more."""


class Opened(NamedTuple):
    """The peer has opened a stream."""

    stream: int
    headers: Mapping[str, str]


class Received(NamedTuple):
    """Bytes of a stream."""

    stream: int
    content: bytes


class Ended(NamedTuple):
    """The peer has ended its side of a stream, or both sides if ``is_reset``."""

    stream: int
    is_reset: bool = False


Event = Opened | Received | Ended


@dataclass
class _OpenStream:
    has_peer_ended: bool = False
    have_we_ended: bool = False


class SpdyConnection:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self.outgoing = bytearray()
        self._buffer = bytearray()
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._streams: dict[int, _OpenStream] = {}
        self._last_opened = 0

    def receive(self, content: bytes) -> list[Event]:
        """Return the events in bytes of the connection; SpdyError."""
        self._buffer += content
        events: list[Event] = []
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            flags, length = second >> 24, second & 0xFFFFFF
            if length > FRAME_LIMIT:
                raise SpdyError(f"a frame of {length} bytes is too long")
            if len(self._buffer) < 8 + length:
                break
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            events += self._frame(first, flags, body)
        return events

    def _frame(self, first: int, flags: int, body: bytes) -> list[Event]:
        if not first >> 31:
            return self._data(first, flags, body)
        if first >> 16 != _CONTROL:
            raise SpdyError("this is not SPDY/3")
        frame = first & 0xFFFF
        if frame == SYN_STREAM:
            return self._opened(flags, body)
        if frame == RST_STREAM:
            return self._reset(body)
        if frame == PING:
            self.outgoing += _control(PING, 0, body)
        elif frame in (SYN_REPLY, HEADERS):
            # The headers are not needed, but the next block can only be decompressed after this one.
            self._unpack(body[4:])
        return []

    def _data(self, stream_id: int, flags: int, body: bytes) -> list[Event]:
        stream = self._streams.get(stream_id)
        if stream is None or stream.has_peer_ended:
            return []
        events: list[Event] = [Received(stream_id, body)] if body else []
        return events + (self._ended(stream_id) if flags & FIN else [])

    def _opened(self, flags: int, body: bytes) -> list[Event]:
        if len(body) < 10:
            raise SpdyError("a SYN_STREAM is too short")
        stream_id = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        headers = self._unpack(body[10:])
        if stream_id <= self._last_opened or stream_id % 2 == 0:
            raise SpdyError(f"stream {stream_id} cannot be opened")
        if len(self._streams) >= STREAM_LIMIT:
            raise SpdyError("too many streams")
        self._last_opened = stream_id
        self._streams[stream_id] = _OpenStream()
        return [Opened(stream_id, headers), *(self._ended(stream_id) if flags & FIN else [])]

    def _ended(self, stream_id: int) -> list[Event]:
        stream = self._streams[stream_id]
        stream.has_peer_ended = True
        self._forget_if_done(stream_id, stream)
        return [Ended(stream_id)]

    def _reset(self, body: bytes) -> list[Event]:
        stream_id = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        return [Ended(stream_id, is_reset=True)] if self._streams.pop(stream_id, None) is not None else []

    def _unpack(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._unpacker.decompress(block, HEADER_LIMIT)
        except zlib.error as error:
            message = f"a header block cannot be unpacked: {error}"
            raise SpdyError(message) from None
        if self._unpacker.unconsumed_tail:
            raise SpdyError("a header block is too long")
        return _read_headers(plain)

    def accept(self, stream_id: int) -> None:
        """Reply to a stream that the peer has opened."""
        block = self._packer.compress(struct.pack(">I", 0)) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self.outgoing += _control(SYN_REPLY, 0, struct.pack(">I", stream_id) + block)

    def send(self, stream_id: int, content: bytes) -> None:
        """Send bytes on a stream; they are dropped if the stream has ended."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.have_we_ended:
            return
        for start in range(0, len(content), FRAME_LIMIT):
            piece = content[start : start + FRAME_LIMIT]
            self.outgoing += struct.pack(">II", stream_id, len(piece)) + piece

    def end(self, stream_id: int) -> None:
        """End our side of a stream."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.have_we_ended:
            stream.have_we_ended = True
            self.outgoing += struct.pack(">II", stream_id, FIN << 24)
            self._forget_if_done(stream_id, stream)

    def reset(self, stream_id: int) -> None:
        """Abort a stream in both directions."""
        if self._streams.pop(stream_id, None) is not None:
            self.outgoing += _control(RST_STREAM, 0, struct.pack(">II", stream_id, CANCEL))

    def _forget_if_done(self, stream_id: int, stream: _OpenStream) -> None:
        if stream.has_peer_ended and stream.have_we_ended:
            del self._streams[stream_id]


def _control(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">HHI", _CONTROL, kind, flags << 24 | len(body)) + body


def _read_headers(plain: bytes) -> dict[str, str]:
    """Return the headers in a block: a count, then names and values, each after its length."""
    headers: dict[str, str] = {}
    try:
        (count,) = struct.unpack_from(">I", plain)
        position = 4
        for _ in range(min(count, HEADER_LIMIT)):
            name, position = _word(plain, position)
            value, position = _word(plain, position)
            headers[name.lower()] = value
    except (struct.error, ValueError):
        raise SpdyError("a header block is broken") from None
    return headers


def _word(plain: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", plain, position)
    end = position + 4 + length
    if end > len(plain):
        raise ValueError
    return plain[position + 4 : end].decode("latin-1"), end
