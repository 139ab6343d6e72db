"""Sizes, flags and structs of a DNS packet (RFC 1035, RFC 6891)."""

from __future__ import annotations

import struct

HEADER = 12
"""Bytes of the header: id, flags and four counts."""

MIN_UDP = 512
"""Bytes that a response may have over UDP for a client without EDNS."""
MAX_UDP = 65507
MAX_TCP = 65535

QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
OPCODE = 0x7800
ECHOED = 0x7910
"""Opcode, RD and CD: what a response repeats of a QUERY; of any other opcode it repeats the opcode alone."""

DNSSEC_OK = 0x8000
"""The DO bit in an OPT record's flags."""

HEADER_FIELDS = struct.Struct(">6H")
FIELDS_BEHIND_ID = struct.Struct(">5H")
RECORD_FIELDS = struct.Struct(">HHIH")
"""Type, class, TTL and length of the rdata: what stands between a record's name and its rdata."""
WORDS = struct.Struct(">HH")
OPT_FIELDS = struct.Struct(">xHHBBHH")
"""A whole OPT record without options: root, type, UDP size, high bits of the rcode, version, flags, length."""
