"""How heads are passed on: without hop-by-hop fields, and with the client's address for the pod (RFC 9110 7.6). Pure.

``X-Forwarded-For`` is appended to; ``-Proto`` and ``-Host`` are kept where an Ingress in front has set them.
"""

from __future__ import annotations

from kubeproxy.http.answerhead import Answer
from kubeproxy.http.heads import CHUNKED, PASSED_ON
from kubeproxy.http.requesthead import Request

_NAMED_FOR_NOTHING = frozenset((b"close", b"keep-alive", b"upgrade", b"te", b"")) | frozenset(
    (b"x-forwarded-for", b"content-type", b"content-encoding", *PASSED_ON)
)
"""What Connection may name without removing a field: options, and what frames, routes, or names the client."""


def forward_request(request: Request, client: bytes, host: bytes) -> bytes:
    """Return the head for the endpoint. ``host`` is used when the request (of HTTP/1.0) names none."""
    special, fields = request.special, request.fields
    if request.host is None:
        fields = b"\r\nHost: " + host + fields
    else:
        host = request.host
    if not request.options <= _NAMED_FOR_NOTHING:
        fields = _without(fields, request.options)
    end = b"\r\n\r\n"
    if request.upgrade:
        end = b"\r\nConnection: Upgrade\r\nUpgrade: " + request.upgrade + end
    elif b"te" in special and b"trailers" in special[b"te"].lower():
        end = b"\r\nConnection: TE\r\nTE: trailers" + end
    if request.length == CHUNKED:
        end = b"\r\nTransfer-Encoding: chunked" + end
    if b"x-forwarded-host" not in special:
        end = b"\r\nX-Forwarded-Host: " + host + end
    if b"x-forwarded-proto" not in special:
        end = b"\r\nX-Forwarded-Proto: http" + end
    if b"x-forwarded-for" in special:
        client = special[b"x-forwarded-for"] + b", " + client
    return b"%b %b HTTP/1.1%bX-Forwarded-For: %b%b" % (request.method, request.target, fields, client, end)


def forward_answer(
    answer: Answer, *, is_last: bool, is_for_http_1_0: bool, extra_lines: bytes = b"", strips_chunks: bool = False
) -> bytes:
    """Return the head for the client, with ``extra_lines``; ``is_last``: the connection ends after it."""
    fields = answer.fields
    if not answer.options <= _NAMED_FOR_NOTHING:
        fields = _without(fields, answer.options)
    end = extra_lines + b"\r\n"
    if answer.upgrade and answer.status in (101, 426):
        end = (
            b"Connection: Upgrade, close\r\n" if is_last and answer.status == 426 else b"Connection: Upgrade\r\n"
        ) + end
        end = b"Upgrade: " + answer.upgrade + b"\r\n" + end
    elif is_last:
        end = b"Connection: close\r\n" + end
    elif is_for_http_1_0:
        end = b"Connection: keep-alive\r\n" + end
    if answer.length == CHUNKED and not strips_chunks:
        end = b"Transfer-Encoding: chunked\r\n" + end
    return b"HTTP/1.1" + fields + end


def _without(fields: bytes, options: frozenset[bytes]) -> bytes:
    """Return the fields without those that Connection names."""
    named = options - _NAMED_FOR_NOTHING
    first, *lines = fields.split(b"\r\n")
    return b"\r\n".join((first, *(line for line in lines if line.partition(b":")[0].lower() not in named)))
