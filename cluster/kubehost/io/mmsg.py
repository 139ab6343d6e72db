"""recvmmsg(2) and sendmmsg(2), which Python's ``socket`` does not have: many datagrams by one call.

Only what the kernel defines: the structs and the two calls. What the messages point to is the caller's memory.
"""

from __future__ import annotations

import ctypes
import os


class IOVec(ctypes.Structure):
    """A struct iovec (readv(2)): the address of some bytes, and their number."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Header(ctypes.Structure):
    """A struct msghdr (recvmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Message(ctypes.Structure):
    """A struct mmsghdr: a header, and the length of the message that was received or sent (recvmmsg(2))."""

    _fields_ = (("header", Header), ("length", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)

receive_messages = _libc.recvmmsg
"""Takes descriptor, address of the messages, their count, flags and None; returns how many came, -1 for an error."""
receive_messages.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)

send_messages = _libc.sendmmsg
"""Takes descriptor, address of the messages, their count and flags; returns how many went, -1 if not even the first."""
send_messages.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


def last_error() -> OSError:
    """Return the error of the last call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
