"""UDP flows over real sockets: who gets what, from whom, and who is told when nobody answers."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from tests.helpers.kubeproxy.cluster import open_descriptors, until
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
    udp_name,
    udp_silence,
)

import kubeproxy.userspace.udp.io.flows
from kubeproxy.userspace.udp.flowtable import REFUSALS_AT_ONCE
from kubeproxy.userspace.udp.io.refusal import PROBE

VIP, OTHER, A, B = "127.82.1.1", "127.82.1.2", "127.82.2.1", "127.82.2.2"
SERVICE = (VIP, PORT)


@contextlib.contextmanager
def both_named() -> Iterator[None]:
    with udp_endpoint(A, udp_name(A)), udp_endpoint(B, udp_name(B)):
        yield


async def until_counted(g: Ground, reason: str, count: int) -> None:
    await until(lambda: g.counters.errors[reason] >= count)


def send_anyway(client: socket.socket) -> None:
    """Send, also when what is said first is the refusal of the datagram before."""
    try:
        client.send(b"?")
    except ConnectionRefusedError:
        client.send(b"?")


async def test_a_reply_comes_from_the_address_that_was_asked() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo), socket.socket(type=socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.sendto(b"hello", SERVICE)
            await until(lambda: g.flows.table.victim() is not None and bool(g.counters.ports))
            answers: list[tuple[bytes, tuple[str, int]]] = []

            def has_answer() -> bool:
                with contextlib.suppress(BlockingIOError):
                    answers.append(client.recvfrom(100))
                return bool(answers)

            await until(has_answer)
            assert answers == [(b"hello", SERVICE)]


async def test_every_datagram_of_a_client_goes_to_the_endpoint_of_its_first() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A, B)
        with both_named(), udp_client(SERVICE) as client:
            assert {await udp_ask(client) for _ in range(5)} == {A.encode()}
            assert len(g.balancer.asked) == len(g.flows) == 1


async def test_another_port_of_the_client_is_another_flow_chosen_by_the_same_address() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A, B)
        with both_named(), udp_client(SERVICE) as first, udp_client(SERVICE) as second:
            assert [await udp_ask(first), await udp_ask(second)] == [A.encode(), B.encode()]
            assert len(g.flows) == 2
        assert [client for _, client in g.balancer.asked] == ["127.82.9.1", "127.82.9.1"]


async def test_the_endpoint_sees_the_address_of_the_client() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, lambda _, peer: peer[0].encode()), udp_client(SERVICE, ("127.82.9.7", 0)) as client:
            assert await udp_ask(client) == b"127.82.9.7"


@pytest.mark.parametrize("size", [0, 1, 16, 2000, 4097, 60000, 65507])
async def test_a_datagram_of_any_size_arrives_whole_both_ways(size: int) -> None:
    datagram = os.urandom(size)
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo) as endpoint, udp_client(SERVICE) as client:
            assert await udp_ask(client, datagram) == datagram
            assert [each for each, _ in endpoint.received] == [datagram]


async def test_a_burst_arrives_complete_and_in_order() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        burst = [b"%03d" % number for number in range(300)]
        with udp_endpoint(A, udp_echo), udp_client(SERVICE) as client:
            for each in burst:
                client.send(each)
            assert [await hear(client) for _ in burst] == burst


async def test_an_endpoint_may_go_on_without_being_asked_again() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_silence) as endpoint, udp_client(SERVICE) as client:
            client.send(b"subscribe")
            await until(lambda: bool(endpoint.received))
            news = [b"%02d" % number for number in range(50)]
            for each in news:
                endpoint.send(each, endpoint.received[0][1])
            assert [await hear(client) for _ in news] == news


async def test_an_ipv6_client_may_have_an_ipv4_endpoint_but_hears_of_no_refusal() -> None:
    async with ground() as g:
        g.listen("::1", DNS, A)
        with udp_client(("::1", PORT)) as client:
            with udp_endpoint(A, udp_name(A)):
                assert await udp_ask(client) == A.encode()
            client.send(b"?")
            await until_counted(g, "refusal_not_passed_on", 1)
            with pytest.raises(BlockingIOError):
                client.recv(100)


async def test_a_reply_that_is_too_long_for_the_clients_protocol_is_dropped_and_counted_as_such() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, "::1")
        with udp_client(SERVICE) as client, udp_endpoint("::1", lambda *_: bytes(65508)) as endpoint:
            client.send(b"?")
            await until_counted(g, "datagram_dropped", 1)
            endpoint.send(b"shorter", endpoint.received[0][1])
            assert await hear(client) == b"shorter"
            (seen,) = g.counters.ports[DNS].values()
            (record,) = g.recent.records()
            assert seen.bytes_to_client == record.bytes_to_client == len(b"shorter")


async def test_two_listeners_keep_their_clients_apart() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, B)
        with both_named():
            with udp_client(SERVICE, ("127.82.9.1", 25001)) as one:
                assert await udp_ask(one) == A.encode()
            with udp_client((OTHER, PORT), ("127.82.9.1", 25001)) as two:
                assert await udp_ask(two) == B.encode()
        assert len(g.flows) == 2


async def test_a_client_without_a_route_is_dropped_and_counted() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        g.routed[DNS] = False
        with udp_endpoint(A, udp_echo) as endpoint, udp_client(SERVICE) as client:
            client.send(b"?")
            await until(lambda: g.counters.errors["no_route"] == 1)
            assert (endpoint.received, len(g.flows)) == ([], 0)


async def test_a_client_that_found_no_endpoint_finds_the_first_that_comes() -> None:
    async with ground() as g:
        g.listen(VIP)
        with udp_endpoint(A, udp_name(A)), udp_client(SERVICE) as client:
            client.send(b"?")
            await until(lambda: g.counters.errors["no_endpoints"] == 1)
            g.balancer.endpoints[DNS] = [A]
            assert await udp_ask(client) == A.encode()


async def test_a_refusal_by_the_endpoint_reaches_the_client_and_the_flow_stays() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_client(SERVICE) as client:
            for _ in range(3):
                with pytest.raises(ConnectionRefusedError):
                    await udp_ask(client)
            with udp_endpoint(A, udp_name(A)):
                assert await udp_ask(client) == A.encode()
        assert g.counters.errors == {"port_unreachable": 3}
        assert len(g.balancer.asked) == 1


async def test_a_refusal_is_noted_once_in_the_flows_record() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_client((VIP, PORT)) as client:
            for _ in range(3):
                client.send(b"?")
                with pytest.raises(ConnectionRefusedError):
                    await hear(client)
        (record,) = g.recent.records()
        assert record.failures == ((f"{A}:{PORT}", "port_unreachable"),)


async def test_a_refusal_concerns_no_other_client() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A, B)
        with udp_endpoint(A, udp_echo), udp_client(SERVICE) as lucky, udp_client(SERVICE) as unlucky:
            assert await udp_ask(lucky) == b"?"
            with pytest.raises(ConnectionRefusedError):
                await udp_ask(unlucky)
            assert await udp_ask(lucky, b"still") == b"still"


async def test_datagrams_that_wait_survive_a_refusal() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A, B)
        with udp_endpoint(B, udp_echo), udp_client(SERVICE) as unlucky, udp_client(SERVICE) as lucky:
            burst = [b"%03d" % number for number in range(200)]
            unlucky.send(b"?")
            for each in burst:
                lucky.send(each)
            assert [await hear(lucky) for _ in burst] == burst
            with pytest.raises(ConnectionRefusedError):
                await hear(unlucky)


async def test_refusals_in_a_flood_are_bounded_and_the_rest_counted() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        wanted = int(REFUSALS_AT_ONCE) + 30
        with udp_client(SERVICE) as client:
            for number in range(wanted):
                send_anyway(client)
                await until_counted(g, "port_unreachable", number + 1)
        assert g.counters.errors["refusal_not_passed_on"] == wanted - REFUSALS_AT_ONCE


async def test_a_probe_for_a_refusal_that_comes_late_is_nobodys_datagram() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo) as endpoint, udp_client(SERVICE) as client:
            client.send(PROBE)
            assert await udp_ask(client, b"mine") == b"mine"
            assert [each for each, _ in endpoint.received] == [b"mine"]


async def test_a_client_that_went_away_stops_nothing() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_silence) as endpoint:
            with udp_client(SERVICE) as gone:
                gone.send(b"?")
                await until(lambda: bool(endpoint.received))
            for _ in range(20):
                endpoint.send(b"late", endpoint.received[0][1])
            with udp_client(SERVICE) as client:
                client.send(b"next")
                await until(lambda: len(endpoint.received) == 2)
        assert not g.counters.errors["receive_failed"]


async def test_a_question_without_an_answer_is_forgotten_after_30_seconds_and_a_stream_after_120() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, B)
        with (
            udp_endpoint(A, udp_echo),
            udp_endpoint(B, udp_silence) as silent,
            udp_client(SERVICE) as talks,
            udp_client((OTHER, PORT)) as asks,
        ):
            await udp_ask(talks)
            g.now[0] += 3
            await udp_ask(talks)
            asks.send(b"?")
            await until(lambda: bool(silent.received))
            lengths = []
            for seconds in (29.5, 0.5, 89.5, 0.5):
                g.now[0] += seconds
                g.flows.reap(g.now[0])
                lengths.append(len(g.flows))
            assert lengths == [2, 1, 1, 0]
            assert await udp_ask(talks) == b"?"


async def test_idle_flows_are_ended_without_being_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeproxy.userspace.udp.io.flows, "REAP_SECONDS", 0.01)
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo), udp_client(SERVICE) as client:
            for _ in range(2):
                await udp_ask(client)
                assert len(g.flows) == 1
                g.now[0] += 31
                await until(lambda: len(g.flows) == 0)


async def test_a_flow_is_cut_when_its_endpoint_no_longer_serves_and_the_client_finds_another() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, A)
        with both_named(), udp_client(SERVICE) as client, udp_client((OTHER, PORT)) as neighbour:
            assert [await udp_ask(client), await udp_ask(neighbour)] == [A.encode(), A.encode()]
            g.balancer.endpoints[DNS] = [B]
            g.flows.retain(DNS, {f"{A}:{PORT}", f"{B}:{PORT}"})
            assert await udp_ask(client) == A.encode()
            g.flows.retain(DNS, {f"{B}:{PORT}"})
            assert await udp_ask(client) == B.encode()
            assert await udp_ask(neighbour) == A.encode()
            assert [each.outcome for each in g.recent.records()] == ["endpoint_gone", "", ""]


async def test_nothing_is_cut_while_nothing_serves() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_name(A)), udp_client(SERVICE) as client:
            await udp_ask(client)
            g.flows.retain(DNS, ())
            assert len(g.flows) == 1


async def test_a_flood_ends_unanswered_flows_and_takes_no_more_sockets_than_allowed() -> None:
    async with ground(limit=20) as g:
        g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, B)
        with udp_endpoint(A, udp_echo), udp_endpoint(B, udp_silence) as silent, udp_client(SERVICE) as friend:
            await udp_ask(friend)
            before = len(open_descriptors())
            for number in range(100):
                with udp_client((OTHER, PORT), (f"127.82.10.{number}", 0)) as stranger:
                    silent.received.clear()
                    stranger.send(b"?")
                    await until(lambda: bool(silent.received))
                assert len(g.flows) <= 20
            assert g.flows.table.is_full
            assert len(open_descriptors()) <= before + 20
            assert g.counters.errors["early_drop"] == 81
            assert await udp_ask(friend) == b"?"
            assert len(g.balancer.asked) == 101


async def test_a_flood_in_one_turn_is_bounded_too() -> None:
    async with ground(limit=5) as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_silence) as silent, contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(udp_client(SERVICE)).send(b"?")
            await until(lambda: len(silent.received) == 100)
            assert len(g.flows) == 5
            assert [each.outcome for each in g.recent.records()] == ["early_drop"] * 95 + [""] * 5


async def test_without_a_free_descriptor_a_datagram_is_lost_and_the_next_one_served() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with udp_endpoint(A, udp_echo), udp_client(SERVICE) as first, udp_client(SERVICE) as second:
            await udp_ask(first)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_descriptors()) + 1, hard))
            spare = []
            try:
                with contextlib.suppress(OSError):
                    while True:
                        spare.append(os.dup(0))
                second.send(b"lost")
                await until(lambda: g.counters.errors["too_many_open_files"] == 1)
                assert len(g.flows) == 0
                assert await udp_ask(second, b"served") == b"served"
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for each in spare:
                    os.close(each)


async def test_closing_a_listener_ends_its_flows_and_lets_the_kernel_refuse() -> None:
    async with ground() as g:
        listener = g.listen(VIP, DNS, A)
        g.listen(OTHER, TIME, B)
        with both_named(), udp_client(SERVICE) as client, udp_client((OTHER, PORT)) as neighbour:
            await udp_ask(client)
            await udp_ask(neighbour)
            listener.close()
            with pytest.raises(ConnectionRefusedError):
                await udp_ask(client)
            assert await udp_ask(neighbour) == B.encode()
            assert len(g.flows) == 1


async def test_flows_and_bytes_are_counted_by_endpoint() -> None:
    async with ground() as g:
        g.counters.update(DNS, [f"{A}:{PORT}"])
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, lambda *_: b"four"), udp_client(SERVICE) as client:
            await udp_ask(client, b"123456")
            await udp_ask(client, b"123456")
            (seen,) = g.counters.ports[DNS].values()
            assert (seen.active, seen.connections, seen.bytes_to_endpoint, seen.bytes_to_client) == (1, 1, 12, 8)
            g.flows.close_all()
            assert (seen.active, seen.connections) == (0, 1)


async def test_a_flow_is_among_the_recent_connections_with_what_was_decided() -> None:
    async with ground() as g:
        g.listen(VIP, DNS, A)
        with udp_endpoint(A, udp_echo), udp_client(SERVICE) as client:
            await udp_ask(client, b"four")
            (record,) = g.recent.records()
            assert (record.protocol, record.client, str(record.destination)) == (
                "udp",
                "127.82.9.1",
                f"{VIP}:{PORT}/udp",
            )
            assert record.choice is not None
            assert record.choice.endpoint.ip == A
            assert (record.bytes_to_endpoint, record.bytes_to_client, record.ended_at) == (4, 4, None)
            g.now[0] += 30
            g.flows.reap(g.now[0])
            assert (record.ended_at, record.outcome) == (1030.0, "closed")
