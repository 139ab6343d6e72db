"""Cookies and hash keys on the wire: what a client is told to keep, and what the record of its request has."""

from __future__ import annotations

from tests.helpers.kubeproxy.http import PORT, WEB, A, B, Pod, http_front

from kubeapi.balancing import HttpPart
from kubeproxy.loadbalancing.cookies import session_id
from kubeproxy.types import ServicePort

ADDRESSES = [f"{A}:{PORT}", f"{B}:{PORT}"]


def request(*lines: str) -> bytes:
    return "\r\n".join(("GET /a?b=c HTTP/1.1", "Host: web", *lines, "", "")).encode()


async def test_a_client_gets_a_cookie_until_it_brings_the_one_of_its_endpoint() -> None:
    port = ServicePort(WEB, ("", 0), (), PORT, is_http=True, affinity_cookie="id")
    session = session_id(WEB, f"{A}:{PORT}")
    async with Pod(A).running(), http_front(A) as running:
        running.front.update(WEB, ADDRESSES, port)
        for lines, attributes in (
            ((), ""),
            (("Cookie: id=other",), ""),
            (("X-Forwarded-Proto: https",), "; Secure"),
        ):
            cookie = (await running.ask(request(*lines))).field("set-cookie")
            assert cookie == f"id={session}; Path=/; HttpOnly{attributes}"
        assert (await running.ask(request(f"Cookie: id={session}"))).field("set-cookie") is None
        assert running.last_record().session == session


async def test_a_cookie_has_an_age_and_comes_beside_the_endpoints_name() -> None:
    port = ServicePort(
        WEB, ("", 0), (), PORT, is_http=True, affinity_cookie="id", cookie_max_age="60", shows_endpoint=True
    )
    async with Pod(A).running(), http_front(A) as running:
        running.front.update(WEB, ADDRESSES, port)
        reply = await running.ask(request())
        assert reply.field("set-cookie") == f"id={session_id(WEB, f'{A}:{PORT}')}; Path=/; HttpOnly; Max-Age=60"
        assert reply.field("x-kubesvc-endpoint") == f"{A}:{PORT}"


async def test_the_part_of_a_request_that_is_hashed_is_in_its_record() -> None:
    port = ServicePort(WEB, ("", 0), (), PORT, is_http=True)
    async with Pod(A).running(), http_front(A) as running:
        await running.ask(request("X-User: ada"))
        assert running.last_record().key == ""
        running.front.update(WEB, ADDRESSES, port, HttpPart("header", "X-User"))
        await running.ask(request("X-User: ada"))
        assert running.last_record().key == "ada"
        await running.ask(request())
        assert running.last_record().key == ""
