"""The header blocks of SPDY/3.1: names and values, compressed by one running stream in each direction. Pure.

Follows the SPDY/3.1 draft, section 2.6.10, https://www.chromium.org/spdy/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_LENGTH = struct.Struct(">I")

HEADER_LIMIT = 64 * 1024
"""Bytes of one header block, decompressed."""

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


class HeaderBlocks:
    """Packs the blocks that are sent and unpacks those that are received, in their order."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)

    def pack(self, headers: Mapping[str, str]) -> bytes:
        """Return the block of some headers, whose names are in lower case."""
        plain = [_LENGTH.pack(len(headers))]
        for pair in headers.items():
            for word in pair:
                encoded = word.encode("latin-1")
                plain += (_LENGTH.pack(len(encoded)), encoded)
        return self._packer.compress(b"".join(plain)) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def unpack(self, block: bytes) -> dict[str, str]:
        """Return the headers in a block; SpdyError."""
        try:
            plain = self._unpacker.decompress(block, HEADER_LIMIT)
        except zlib.error as error:
            message = f"a header block cannot be unpacked: {error}"
            raise SpdyError(message) from None
        if self._unpacker.unconsumed_tail:
            raise SpdyError("a header block is too long")
        return _read_headers(plain)


def _read_headers(plain: bytes) -> dict[str, str]:
    """Return the headers in a block: a count, then names and values, each after its length."""
    text, position, end = plain.decode("latin-1"), 4, len(plain)
    words: list[str] = []
    try:
        (count,) = _LENGTH.unpack_from(plain)
        for _ in range(2 * min(count, HEADER_LIMIT)):
            (length,) = _LENGTH.unpack_from(plain, position)
            start, position = position + 4, position + 4 + length
            if position > end:
                raise ValueError
            words.append(text[start:position])
    except (struct.error, ValueError):
        raise SpdyError("a header block is broken") from None
    return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)}
