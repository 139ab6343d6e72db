"""Answers of the proxy itself, when no endpoint answers: short, plain, and with its name."""

from __future__ import annotations

from http import HTTPStatus

_END = "\r\n"
_CLOSE = "Connection: close\r\n"
_ALLOW = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"


def own_answer(status: int, reason: str, *, method: bytes = b"", is_last: bool, location: str = "") -> bytes:
    """Return a whole answer; ``is_last`` says that the connection ends after it, ``location`` where to ask instead."""
    body = f"kubesvc: {reason}\n".encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Server: kubesvc\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{_CLOSE if is_last else ''}"
        f"{_ALLOW if status == 405 else ''}"
        f"{f'Location: {location}{_END}' if location else ''}"
        "\r\n"
    ).encode()
    return head if method == b"HEAD" else head + body
