"""Stories of connections over real sockets.

IP plan: Services 127.97.0.1 and .2, endpoints 127.245.0.1 to .3, clients 127.0.0.1 and 127.97.200.x, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from tests.helpers.kubeproxy.cluster import (
    ask,
    ask_often,
    cluster,
    connect,
    counts,
    deaf_endpoint,
    echo,
    is_refused,
    naming_endpoints,
    receive_all,
    reset,
    reset_on_close,
    say_peer,
    service,
    serving,
    slice_of,
    until,
)
from tests.helpers.patience import PATIENCE

from kubeproxy.userspace.parts import BUFFER_BYTES

VIP, A, B, C = "127.97.0.1", "127.245.0.1", "127.245.0.2", "127.245.0.3"


async def test_connections_are_spread_over_all_ready_endpoints() -> None:
    async with naming_endpoints(A, B, C), cluster(service(), slice_of("web", [A, B, C])):
        assert set(await ask_often(40, VIP)) == {A, B, C}


async def test_round_robin_by_annotation_gives_each_endpoint_its_turn() -> None:
    turned = service(annotations={"kubesvc.dev/balancer": "round_robin"})
    async with naming_endpoints(A, B), cluster(turned, slice_of("web", [A, B])):
        assert counts(await ask_often(10, VIP)) == {A: 5, B: 5}


async def test_a_drained_endpoint_keeps_its_connections_and_gets_no_more() -> None:
    async with serving(A, 20080, echo), naming_endpoints(B), cluster(service(), slice_of("web", [A])) as c:
        client = await connect(VIP)
        drained = slice_of("web", [A])
        drained["metadata"]["annotations"] = {"kubesvc.dev/weight": "0"}
        for obj in (drained, slice_of("web", [B], name="new")):
            c.put(obj)
        await c.settle()
        assert set(await ask_often(10, VIP)) == {B}
        await asyncio.get_running_loop().sock_sendall(client, b"still here")
        assert await asyncio.get_running_loop().sock_recv(client, 100) == b"still here"
        client.close()


async def test_client_ip_affinity_keeps_one_endpoint_until_it_expires() -> None:
    sticky = service(
        sessionAffinity="ClientIP",
        sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10}},
        annotations={"kubesvc.dev/balancer": "round_robin"},
    )
    async with naming_endpoints(A, B), cluster(sticky, slice_of("web", [A, B])) as c:
        first = await ask_often(5, VIP)
        assert len(set(first)) == 1
        c.now[0] += 10
        assert await ask(VIP) != first[0]


async def test_the_endpoint_sees_the_clients_own_address() -> None:
    async with serving(A, 20080, say_peer), cluster(service(), slice_of("web", [A])):
        assert await ask(VIP, source="127.97.200.9") == "127.97.200.9"


async def test_without_endpoints_connections_are_refused_and_with_one_they_are_served_again() -> None:
    async with naming_endpoints(A), cluster(service(), slice_of("web", [])) as c:
        assert await is_refused(VIP)
        c.put(slice_of("web", [A]))
        await c.settle()
        assert await ask(VIP) == A
        c.put(slice_of("web", [{"addresses": [A], "conditions": {"ready": False}}]))
        await c.settle()
        assert await is_refused(VIP)


async def test_a_refusing_endpoint_is_retried_on_another() -> None:
    async with naming_endpoints(B), cluster(service(), slice_of("web", [A, B])) as c:
        assert set(await ask_often(20, VIP)) == {B}
        assert c.plane.counters.errors["connect_refused"] > 0


async def test_a_refusing_endpoint_loses_its_sticky_clients() -> None:
    sticky = service(sessionAffinity="ClientIP")
    async with naming_endpoints(B), cluster(sticky, slice_of("web", [A, B])) as c:
        assert set(await ask_often(10, VIP)) == {B}
        assert c.plane.counters.errors["connect_refused"] <= 1


async def test_a_client_is_reset_when_every_endpoint_refuses() -> None:
    async with cluster(service(), slice_of("web", [A, B])) as c:
        with pytest.raises(ConnectionResetError):
            await ask(VIP)
        assert c.plane.counters.errors["connect_refused"] == 4
        assert c.plane.connections() == 0


async def test_an_endpoint_that_does_not_answer_is_given_up_for_another() -> None:
    async with naming_endpoints(B):
        with deaf_endpoint(A):
            turned = service(annotations={"kubesvc.dev/balancer": "round_robin"})
            async with cluster(turned, slice_of("web", [A, B])) as c:
                assert await asyncio.gather(*(ask(VIP) for _ in range(4))) == [B] * 4
                assert c.plane.counters.errors["connect_timeout"] >= 1


async def test_a_slow_dial_delays_no_other_client() -> None:
    with deaf_endpoint(A):
        async with naming_endpoints(B), cluster(service(), slice_of("web", [A])) as c:
            with contextlib.closing(await connect(VIP)):
                await until(lambda: c.plane.connections() == 1)
                c.put(slice_of("web", [B]))
                await c.settle()
                assert await ask(VIP) == B
                assert c.plane.counters.errors["connect_timeout"] == 0


async def test_a_client_that_resets_while_its_endpoint_is_dialled_cancels_the_dial() -> None:
    with deaf_endpoint(A):
        async with cluster(service(), slice_of("web", [A])) as c:
            client = await connect(VIP)
            await until(lambda: c.plane.connections() == 1)
            reset(client)
            await until(lambda: c.plane.connections() == 0)
            assert c.plane.counters.errors["connect_timeout"] <= 1


async def test_what_a_client_says_before_its_endpoint_is_connected_arrives_whole() -> None:
    with deaf_endpoint(A):
        turned = service(annotations={"kubesvc.dev/balancer": "round_robin"})
        async with serving(B, 20080, echo), cluster(turned, slice_of("web", [A, B])) as c:
            clients = [await connect(VIP) for _ in range(2)]
            loop = asyncio.get_running_loop()
            for client in clients:
                await loop.sock_sendall(client, b"early " * 1000)
                client.shutdown(socket.SHUT_WR)
            for client in clients:
                assert await receive_all(client) == b"early " * 1000
                client.close()
            assert c.plane.counters.errors["connect_timeout"] == 1


async def test_an_endpoint_that_accepts_and_hangs_harms_no_other_connection() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    turned = service(annotations={"kubesvc.dev/balancer": "round_robin"})
    async with serving(A, 20080, hang), naming_endpoints(B), cluster(turned, slice_of("web", [A, B])) as c:
        clients = [await connect(VIP) for _ in range(4)]
        await until(lambda: c.plane.connections() == 4)
        ends = [asyncio.create_task(receive_all(each)) for each in clients]
        await until(lambda: sum(each.done() for each in ends) == 2)
        for each in ends:
            each.cancel()
        await asyncio.wait(ends)
        for client in clients:
            client.close()


async def test_a_client_may_end_first_and_still_read_the_answer() -> None:
    async def answer_after_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read()
        writer.write(b"you said " + request)
        await writer.drain()

    async with serving(A, 20080, answer_after_end), cluster(service(), slice_of("web", [A])) as c:
        with contextlib.closing(await connect(VIP)) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert await receive_all(client) == b"you said hello"
        await until(lambda: c.plane.connections() == 0)


async def test_an_endpoint_may_end_first_and_still_read_the_client() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def end_then_listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        heard.set_result(await reader.read())

    async with serving(A, 20080, end_then_listen), cluster(service(), slice_of("web", [A])):
        with contextlib.closing(await connect(VIP)) as client:
            assert await receive_all(client) == b""
            client.sendall(b"still here")
            client.shutdown(socket.SHUT_WR)
            assert await asyncio.wait_for(heard, PATIENCE) == b"still here"


async def test_an_endpoints_reset_reaches_the_client_as_a_reset() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset_on_close(writer.get_extra_info("socket"))
        writer.transport.abort()

    async with serving(A, 20080, break_off), cluster(service(), slice_of("web", [A])):
        with contextlib.closing(await connect(VIP)) as client:
            client.sendall(b"x" * 10)
            with pytest.raises(ConnectionResetError):
                await receive_all(client)


async def test_a_clients_reset_reaches_the_endpoint_as_a_reset() -> None:
    outcome = asyncio.get_running_loop().create_future()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(1)
            outcome.set_result(await reader.read())
        except ConnectionResetError as error:
            outcome.set_result(error)

    async with serving(A, 20080, read), cluster(service(), slice_of("web", [A])) as c:
        client = await connect(VIP)
        client.sendall(b"x")
        await until(lambda: c.plane.counters.ports != {} and c.plane.connections() == 1)
        await asyncio.sleep(0)
        reset(client)
        assert isinstance(await asyncio.wait_for(outcome, PATIENCE), ConnectionResetError)


async def test_a_reader_that_is_slow_stalls_its_sender_instead_of_filling_the_proxy() -> None:
    sent = [0]

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(512):
            writer.write(b"x" * 65536)
            sent[0] += 65536
            await writer.drain()

    async with serving(A, 20080, pour), cluster(service(), slice_of("web", [A])) as c:
        with contextlib.closing(await connect(VIP)) as client:
            relay = await c.relay()
            await until(lambda: bool(relay.unsent[0]))
            before = -1
            while before != sent[0]:
                before = sent[0]
                await asyncio.sleep(0.02)
            assert sent[0] < 512 * 65536
            assert sum(map(len, relay.unsent)) <= BUFFER_BYTES
            assert len(await receive_all(client)) == 512 * 65536


async def test_a_reset_reaches_the_endpoint_although_the_client_is_not_read_at_that_time() -> None:
    paused, outcome = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def listen_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a ReadTransport too
        await paused.wait()
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        try:
            while await reader.read(65536):
                pass
            outcome.set_result(None)
        except ConnectionResetError as error:
            outcome.set_result(error)

    async with serving(A, 20080, listen_late), cluster(service(), slice_of("web", [A])) as c:
        client = await connect(VIP)
        relay = await c.relay()
        filling = asyncio.create_task(fill(client))
        await until(lambda: bool(relay.unsent[1]))
        filling.cancel()
        await asyncio.wait([filling])
        reset(client)
        await until(lambda: c.plane.connections() == 0)
        paused.set()
        assert isinstance(await asyncio.wait_for(outcome, PATIENCE), ConnectionResetError)


async def fill(sock: socket.socket) -> None:
    """Send until cancelled."""
    while True:
        await asyncio.get_running_loop().sock_sendall(sock, b"x" * 65536)


async def test_a_removed_endpoint_takes_no_new_connections_and_keeps_those_it_has() -> None:
    async with serving(A, 20080, echo), naming_endpoints(B), cluster(service(), slice_of("web", [A])) as c:
        with contextlib.closing(await connect(VIP)) as client:
            await until(lambda: c.plane.connections() == 1)
            c.put(slice_of("web", [B]))
            await c.settle()
            assert await ask(VIP) == B
            client.sendall(b"still there")
            client.shutdown(socket.SHUT_WR)
            assert await receive_all(client) == b"still there"


async def test_a_connection_outlives_its_service() -> None:
    async with serving(A, 20080, echo), cluster(service(), slice_of("web", [A])) as c:
        with contextlib.closing(await connect(VIP)) as client:
            await until(lambda: c.plane.connections() == 1)
            c.delete("web")
            await c.settle()
            assert await is_refused(VIP)
            client.sendall(b"still there")
            client.shutdown(socket.SHUT_WR)
            assert await receive_all(client) == b"still there"


async def test_draining_waits_for_connections_and_then_resets_the_rest() -> None:
    async with serving(A, 20080, echo), cluster(service(), slice_of("web", [A])) as c:
        quick, slow = await connect(VIP), await connect(VIP)
        await until(lambda: c.plane.connections() == 2)
        drained = asyncio.create_task(c.proxy.drain(0.2))
        await c.settle()
        assert await is_refused(VIP)
        quick.sendall(b"bye")
        quick.shutdown(socket.SHUT_WR)
        assert await receive_all(quick) == b"bye"
        await drained
        with pytest.raises(ConnectionResetError):
            await receive_all(slow)
        quick.close()
        slow.close()


async def test_a_half_closed_connection_with_a_silent_endpoint_is_reaped_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kubeproxy.userspace.dataplane.REAP_SECONDS", 0.01)
    monkeypatch.setattr("kubeproxy.userspace.tcp.io.front.CLOSE_WAIT_SECONDS", 0.05)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()

    async with serving(A, 20080, hang), cluster(service(), slice_of("web", [A])) as c:
        with contextlib.closing(await connect(VIP)) as whole, contextlib.closing(await connect(VIP)) as half:
            await until(lambda: c.plane.connections() == 2)
            half.shutdown(socket.SHUT_WR)
            await until(lambda: c.plane.connections() == 1)
            assert c.plane.counters.errors["half_closed_timeout"] == 1
            with pytest.raises(ConnectionResetError):
                half.recv(1)
            with pytest.raises(BlockingIOError):
                whole.recv(1)
