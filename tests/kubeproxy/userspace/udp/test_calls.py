"""What a datagram and its answer may cost: the kernel's calls, counted, and none that only learns of nothing."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from socket import SocketType
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import until
from tests.helpers.kubeproxy.udp import (
    DNS,
    PORT,
    TIME,
    Ground,
    ground,
    hear,
    udp_ask,
    udp_client,
    udp_echo,
    udp_endpoint,
    udp_silence,
)

import kubehost.io.datagrams
import kubehost.io.places

VIP, OTHER, A, B = "127.82.8.1", "127.82.8.2", "127.82.8.3", "127.82.8.4"
CLIENTS = 32

Calls = Counter[str]


def counted(calls: Calls, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Count a call by its name, and apart from that one that brought nothing."""

    def count(*arguments: Any) -> Any:
        calls[name] += 1
        try:
            result = call(*arguments)
        except OSError:
            calls["in vain"] += 1
            raise
        calls["in vain"] += type(result) is int and result < 0
        return result

    return count


@contextlib.asynccontextmanager
async def counting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Ground, Calls]]:
    """Count what flows ask of the kernel, and the turns of the poller in which they do."""
    calls: Calls = Counter()

    class Counted(SocketType):
        """An endpoint's socket."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.send = counted(calls, "send", super().send)  # type: ignore[method-assign]  # bound by flows
            self.recv_into = counted(calls, "recv", super().recv_into)  # type: ignore[method-assign]

    monkeypatch.setattr(kubehost.io.places, "SocketType", Counted)
    for name in ("receive_messages", "send_messages"):
        call = counted(calls, f"{name.partition('_')[0]} many", getattr(kubehost.io.datagrams, name))
        monkeypatch.setattr(kubehost.io.datagrams, name, call)
    async with ground() as g:
        at_turn_end = g.poller.at_turn_end
        monkeypatch.setattr(g.poller, "at_turn_end", counted(calls, "turns with replies", at_turn_end))
        yield g, calls


async def test_a_question_and_its_answer_take_a_call_for_each_way_in_and_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with counting(monkeypatch) as (g, calls):
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo), udp_client((VIP, PORT)) as client:
            for _ in range(5):
                assert await udp_ask(client) == b"?"
    assert +calls == {"receive many": 5, "send": 5, "recv": 5, "send many": 5, "turns with replies": 5}


async def test_many_clients_at_once_share_the_calls_at_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    async with counting(monkeypatch) as (g, calls):
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(udp_client((VIP, PORT))) for _ in range(CLIENTS)]
            for each in clients:
                each.send(b"?")
            for each in clients:
                assert await hear(each) == b"?"
    assert (calls["send"], calls["recv"], calls["in vain"]) == (CLIENTS, CLIENTS, 0)
    assert calls["receive many"] <= 4
    assert calls["send many"] == calls["turns with replies"] <= 4


async def test_what_an_endpoint_sends_unasked_is_received_in_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with counting(monkeypatch) as (g, calls):
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_silence) as endpoint, udp_client((VIP, PORT)) as client:
            client.send(b"subscribe")
            await until(lambda: bool(endpoint.received))
            for number in range(CLIENTS):
                endpoint.send(b"%d" % number, endpoint.received[0][1])
            assert [int(await hear(client)) for _ in range(CLIENTS)] == list(range(CLIENTS))
    assert calls["send many"] == calls["turns with replies"] <= 6
    assert calls["recv"] <= CLIENTS + 6


async def test_replies_of_two_services_in_one_turn_leave_each_by_its_own_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with counting(monkeypatch) as (g, calls):
        g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, B)
        with udp_endpoint(A, udp_echo), udp_endpoint(B, udp_echo), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(udp_client((VIP, PORT))) for _ in range(CLIENTS)]
            clients += [stack.enter_context(udp_client((OTHER, PORT))) for _ in range(CLIENTS)]
            for number, each in enumerate(clients):
                each.send(b"%d" % number)
            assert [int(await hear(each)) for each in clients] == list(range(2 * CLIENTS))
    assert calls["in vain"] == 0
    assert calls["send many"] <= 12
