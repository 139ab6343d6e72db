"""agnhost's guestbook: what is written to the primary is read from the replicas, by way of a frontend."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubelet.servers.agnhost import guestbook as module
from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.agnhost.guestbook import Guestbook, UnregisteredError
from kubelet.servers.http.messages import Request, Response

PORT = 6379


def asked(book: Guestbook, target: str) -> Response:
    path, _, query = target.partition("?")
    fields = dict(each.split("=", 1) for each in query.split("&") if each)
    response = book.respond(Request("GET", f"/{path}", fields, {}, "127.0.0.1", PORT, is_stopping=False))
    return response.later() if response.later else response


class Names(Dialler):
    """Resolves the names of Services to themselves."""

    def resolve(self, host: str) -> str:
        return host

    def own_address(self, address: str, port: int) -> str:
        return "replica"


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> dict[str, Guestbook]:
    """Return a primary, a replica and a frontend that ask each other without sockets."""
    found = {name: Guestbook(PORT, Names("")) for name in ("agnhost-primary", "replica", "frontend")}
    found["agnhost-replica"] = found["replica"]

    def ask(address: str, port: int, request: str, _dialler: Dialler) -> str:
        assert port == PORT
        if address not in found:
            raise ConnectionRefusedError
        return asked(found[address], request).body.decode()

    monkeypatch.setattr(module, "ask_http", ask)
    return found


def said(response: Response) -> Any:
    return response.status, json.loads(response.body)


def test_what_is_set_at_the_frontend_is_read_there_again(books: dict[str, Guestbook]) -> None:
    books["agnhost-primary"].entries["old"] = "entry"
    books["replica"].register_with("agnhost-primary")
    assert said(asked(books["replica"], "get?key=old")) == (200, {"data": "entry"})
    assert said(asked(books["frontend"], "guestbook?cmd=set&key=messages&value=hi")) == (200, {"message": "Updated"})
    assert said(asked(books["frontend"], "guestbook?cmd=get&key=messages")) == (200, {"data": "hi"})
    assert said(asked(books["replica"], "get")) == (200, {"data": {"old": "entry", "messages": "hi"}})


@pytest.mark.parametrize(
    ("target", "status"),
    [("set?value=x", 400), ("guestbook?cmd=set", 400), ("guestbook?cmd=delete&key=x", 400), ("nothing", 404)],
)
def test_what_is_asked_wrongly_is_refused(books: dict[str, Guestbook], target: str, status: int) -> None:
    assert asked(books["frontend"], target).status == status


def test_a_replica_that_is_gone_is_named(books: dict[str, Guestbook]) -> None:
    books["agnhost-primary"].replicas.append("gone")
    response = asked(books["agnhost-primary"], "set?key=a&value=b")
    assert (response.status, b"replica 'gone'" in response.body) == (417, True)


def test_a_replica_without_a_primary_gives_up(books: dict[str, Guestbook], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REGISTER_SECONDS", -1.0)
    with pytest.raises(UnregisteredError, match="Timed out while registering to primary"):
        books["replica"].register_with("nobody")
