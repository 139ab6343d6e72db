"""A histogram in HdrHistogram's own encoding V2, compressed and in base64, which its tools in all languages read. Pure.

Follows org.HdrHistogram.AbstractHistogram.encodeIntoCompressedByteBuffer: big-endian headers, then counts from place 0
on as zigzag LEB128 (nine bytes at most), where a negative number is a run of places without values.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator

from svcbench.histogram import SIGNIFICANT_DIGITS, Histogram, bounds_of

_COOKIE, _COMPRESSED_COOKIE = 0x1C849313, 0x1C849314
_ENVELOPE = struct.Struct(">II")
_HEADER = struct.Struct(">IIIIQQd")
"""Cookie, length of the counts, normalizing offset, digits, least and greatest value that can be told, ratio."""
_HIGHEST = 3_600_000_000
"""The greatest value, an hour in microseconds, that the header announces unless there is a greater one."""
_MOST_BYTES = 9


class EncodingError(ValueError):
    """The text is not such a histogram; says why."""


def encode(histogram: Histogram) -> str:
    """Return the histogram as base64."""
    counts = b"".join(map(_number, _runs(histogram)))
    highest = max(_HIGHEST, bounds_of(max(histogram.counts, default=0))[0])
    header = _HEADER.pack(_COOKIE, len(counts), 0, SIGNIFICANT_DIGITS, 1, highest, 1.0)
    packed = zlib.compress(header + counts)
    return base64.b64encode(_ENVELOPE.pack(_COMPRESSED_COOKIE, len(packed)) + packed).decode()


def decode(text: str) -> Histogram:
    """Return the histogram in a text; EncodingError if it is none, or one of other digits than three."""
    try:
        raw = base64.b64decode(text, validate=True)
        cookie, length = _ENVELOPE.unpack_from(raw)
        payload = zlib.decompress(raw[_ENVELOPE.size : _ENVELOPE.size + length])
        inner, size, offset, digits, lowest, _, _ = _HEADER.unpack_from(payload)
    except (binascii.Error, struct.error, zlib.error) as error:
        message = f"not a histogram in HdrHistogram's V2 encoding: {error}"
        raise EncodingError(message) from None
    if (cookie, inner) != (_COMPRESSED_COOKIE, _COOKIE):
        message = f"not a histogram in HdrHistogram's V2 encoding: it begins with {cookie:#x}"
        raise EncodingError(message)
    if (offset, digits, lowest) != (0, SIGNIFICANT_DIGITS, 1):
        message = f"a histogram with {digits} significant digits from {lowest} on; this one needs 3 from 1 on"
        raise EncodingError(message)
    return Histogram.from_counts(_counts(payload[_HEADER.size : _HEADER.size + size]))


def _runs(histogram: Histogram) -> Iterator[int]:
    """Yield the counts by place; a negative number is a run of empty ones."""
    place = 0
    for index in sorted(histogram.counts):
        if empty := index - place:
            yield -empty
        yield histogram.counts[index]
        place = index + 1


def _number(value: int) -> bytes:
    left, encoded = (value << 1) ^ (value >> 63), bytearray()
    while left >= 0x80 and len(encoded) < _MOST_BYTES - 1:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left & 0xFF)
    return bytes(encoded)


def _counts(encoded: bytes) -> dict[int, int]:
    counts, index = {}, 0
    for value in _numbers(encoded):
        if value < 0:
            index -= value
        else:
            counts[index] = value
            index += 1
    return counts


def _numbers(encoded: bytes) -> Iterator[int]:
    value = width = 0
    for byte in encoded:
        is_last = not byte & 0x80 or width == 7 * (_MOST_BYTES - 1)
        value |= (byte if width == 7 * (_MOST_BYTES - 1) else byte & 0x7F) << width
        width += 7
        if is_last:
            yield (value >> 1) ^ -(value & 1)
            value = width = 0
    if width:
        message = "not a histogram in HdrHistogram's V2 encoding: its last count is cut off"
        raise EncodingError(message)
