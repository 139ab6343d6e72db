"""What balancing reads of requests: which header, cookie, parameter or path, and what a request without it has."""

from __future__ import annotations

import pytest

from kubeapi.balancing import http_part
from kubeproxy.http.requesthead import read_request
from kubeproxy.http.requestparts import part_reader


def request(target: str = "/", *lines: str) -> bytes:
    return "\r\n".join((f"GET {target} HTTP/1.1", "Host: web", *lines, "", "")).encode("latin-1")


@pytest.mark.parametrize(
    ("hashed", "head", "expected"),
    [
        ("path", request("/a/b?c=d"), "/a/b"),
        ("path", request("/a%41"), "/a%41"),
        ("query:user", request("/x&user=no?a=1&user=ada&user=bob"), "ada"),
        ("query:user", request("/?user=ada"), "ada"),
        ("query:user", request("/?user="), ""),
        ("query:user", request("/?auser=ada"), ""),
        ("query:a.b", request("/?axb=1&a.b=2"), "2"),
        ("header:X-User", request("/", "x-uSER:  ada \t"), "ada"),
        ("header:X-User", request("/", "X-User: ada", "X-User: bob"), "ada"),
        ("header:X-User", request("/", "X-User: \xe9"), "\xe9"),
        ("header:X-User", request("/", "A-X-User: ada"), ""),
        ("header:X-Forwarded-For", request("/", "X-Forwarded-For: 10.0.0.9"), "10.0.0.9"),
        ("header:Host", request(), "web"),
        ("cookie:id", request("/", "Cookie: id=a; x=b; id=c"), "a"),
        ("cookie:id", request("/", "cookie: x=b;id=c"), "c"),
        ("cookie:id", request("/", 'Cookie: aid=1; ID=2; id="3"'), "3"),
        ("cookie:id", request("/", "Cookie: x=id=1"), ""),
        ("cookie:id", request("/", "X: id=1", "Cookie: x=1"), ""),
        ("cookie:id", request(), ""),
    ],
)
def test_a_part_of_a_request_is_read_as_it_was_sent(hashed: str, head: bytes, expected: str) -> None:
    part = http_part(hashed)
    assert part is not None
    assert part_reader(part)(read_request(head, 100)) == expected
