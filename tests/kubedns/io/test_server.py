"""The server over real sockets, asked by dig as people do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from ipaddress import ip_address

import dnslib
import pytest
from tests.helpers.kubedns.objects import endpoint, endpoint_slice, external, namespace, resource_of, service
from tests.helpers.kubedns.server import HOST, exchange, frame, mute, read_frame, saying, serving, upstream
from tests.helpers.patience import PATIENCE

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource
from kubeapi.store import Store
from kubeapi.watching import ObjectList
from kubedns.config import DNSConfig
from kubedns.io.server import DNSServer
from kubedns.names import wire_of
from kubedns.packets.queries import write_query
from kubehost.io import datagrams

SHOP = "shop.svc.cluster.local"


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ((f"cart.{SHOP}",), ["10.96.0.20"]),
        ((f"db.{SHOP}",), ["10.244.1.1", "10.244.1.2"]),
        ((f"dual.{SHOP}", "AAAA"), ["fd00:96::30"]),
        ((f"_http._tcp.cart.{SHOP}", "SRV"), [f"0 100 80 cart.{SHOP}."]),
        (("-x", "10.96.0.20"), [f"cart.{SHOP}."]),
        (("-x", "fd00:96::30"), [f"dual.{SHOP}."]),
        ((f"ext.{SHOP}", "CNAME"), ["Foo.Example.com."]),
        ((f"inside.{SHOP}",), ["10.96.0.20", f"cart.{SHOP}."]),
        (("dns-version.cluster.local", "TXT"), ['"1.1.0"']),
        ((f"10-244-0-1.{SHOP}".replace("svc", "pod"),), ["10.244.0.1"]),
        (("+domain=shop.svc.cluster.local", "+search", "cart"), ["10.96.0.20"]),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
async def test_dig_gets_the_records(transport: str, arguments: tuple[str, ...], lines: list[str]) -> None:
    async with serving() as served:
        assert sorted((await served.dig(transport, "+short", *arguments)).split("\n")[:-1]) == lines


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((f"missing.{SHOP}",), ["status: NXDOMAIN", "flags: qr aa rd;", "SOA\tns.dns.cluster.local."]),
        ((f"cart.{SHOP}", "HTTPS"), ["status: NOERROR", "ANSWER: 0", "SOA\tns.dns.cluster.local."]),
        (("example.com",), ["status: REFUSED", "flags: qr rd;"]),
        (("cluster.local", "AXFR", "+notcp"), ["Transfer failed."]),
        (("version.bind", "CH", "TXT"), ["status: REFUSED"]),
        (("+edns=1", "+noednsneg", f"cart.{SHOP}"), ["status: BADVERS", "ANSWER: 0"]),
        (("+bufsize=700", "+dnssec", f"cart.{SHOP}"), ["flags: do; udp: 700", "ANSWER: 1,"]),
        (("+noedns", f"cart.{SHOP}"), ["ADDITIONAL: 0"]),
        (("+opcode=UPDATE", f"cart.{SHOP}"), ["status: NOTIMP"]),
        (("+tcp", "+keepopen", f"cart.{SHOP}", f"db.{SHOP}"), ["10.96.0.20", "10.244.1.2"]),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
async def test_dig_is_told_why_not(arguments: tuple[str, ...], words: list[str]) -> None:
    async with serving() as served:
        said = (await served.dig(*arguments)).replace("SOA ", "SOA\t")
        assert [each for each in words if each not in said] == []


def many(count: int) -> list[JSON]:
    endpoints = [endpoint(f"10.1.{each // 250}.{each % 250}") for each in range(count)]
    return [namespace("shop"), service("many", "None"), endpoint_slice("many-1", "many", *endpoints)]


async def test_a_large_service_is_truncated_over_udp_and_whole_over_tcp() -> None:
    async with serving(many(300)) as served:
        cut = await served.dig("+ignore", "+noedns", f"many.{SHOP}")
        assert "flags: qr aa tc rd;" in cut
        assert "ANSWER: 29," in cut
        assert "Truncated, retrying in TCP mode" in (whole := await served.dig(f"many.{SHOP}"))
        assert "ANSWER: 300," in whole
        assert len((await served.dig("+bufsize=4096", "+ignore", "+short", f"many.{SHOP}")).split()) == 252


async def test_a_response_as_large_as_a_datagram_can_be_is_sent() -> None:
    async with serving(many(1000)) as served:
        question = write_query(7, wire_of(f"many.{SHOP}"), 1, 65000)
        for _ in range(3):
            reply = await exchange(served.host, served.port, question)
            assert len(dnslib.DNSRecord.parse(reply).rr) == 1000


@pytest.mark.parametrize("host", [HOST, "::1"])
async def test_each_of_many_clients_at_once_gets_its_own_answer(host: str) -> None:
    """More than are taken at once, with some between them that get no answer, and some that an upstream has."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    said = saying("www.example.com 5 A 192.0.2.1")
    async with upstream(said) as up, serving(addresses=((host, 0),), upstreams=(up.address,)) as served:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(200)]
            asked = [f"cart.{SHOP}" if each % 10 else "www.example.com" for each in range(200)]
            for ident, (client, name) in enumerate(zip(clients, asked, strict=True)):
                client.setblocking(False)
                client.connect((served.host, served.port))
                client.send(b"\0\7\x80" + bytes(9))
                client.send(write_query(ident, wire_of(name), 1, 1232))
            for ident, (client, name) in enumerate(zip(clients, asked, strict=True)):
                async with asyncio.timeout(PATIENCE):
                    reply = await asyncio.get_running_loop().sock_recv(client, 4096)
                parsed = dnslib.DNSRecord.parse(reply)
                assert (parsed.header.id, str(parsed.q.qname)) == (ident, f"{name}.")
                assert [str(each.rdata) for each in parsed.rr] == ["192.0.2.1" if "www" in name else "10.96.0.20"]


async def test_a_response_that_the_kernel_does_not_take_costs_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = datagrams.send_messages, []

    def refusing(descriptor: int, place: int, count: int, flags: int) -> int:
        calls.append(count)
        return -1 if len(calls) == 2 else int(real(descriptor, place, 1, flags))

    monkeypatch.setattr(datagrams, "send_messages", refusing)
    async with serving() as served:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect((served.host, served.port))
            for ident in range(3):
                client.send(write_query(ident, wire_of(f"cart.{SHOP}"), 1, 1232))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(PATIENCE):
                replies = [await loop.sock_recv(client, 4096) for _ in range(2)]
    assert [each[1] for each in replies] == [0, 2]
    assert calls == [3, 2, 1]


async def test_addresses_come_in_every_order() -> None:
    async with serving(many(3)) as served:
        orders = set()
        for _ in range(60):
            reply = await served.ask(f"many.{SHOP}")
            orders.add(tuple(str(each.rdata) for each in reply.rr))
        assert len(orders) == 6


async def until_told() -> None:
    """Let the Store's watch wake and the informer tell its handlers."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_change_shows_in_the_very_next_query() -> None:
    async with serving(many(2)) as served:
        for count in (5, 1, 4, 0, 3):
            served.put(*many(count)[2:])
            await until_told()
            for _ in range(3):
                reply = await served.ask(f"many.{SHOP}")
                assert len(reply.rr) == count
                assert reply.header.rcode == (0 if count else 3)
        served.store.delete(ENDPOINTSLICES, "shop", "many-1")
        served.store.delete(SERVICES, "shop", "many")
        await until_told()
        assert (await served.ask(f"many.{SHOP}")).header.rcode == 3


async def test_without_endpoints_only_cluster_ips_are_known() -> None:
    async with serving(has_endpoints=False) as served:
        for name, rcode in ((f"cart.{SHOP}", 0), (f"db.{SHOP}", 3), (f"blue.cart.{SHOP}", 3), (f"db-0.db.{SHOP}", 3)):
            assert (await served.ask(name)).header.rcode == rcode
        assert (await served.ask("1.0.244.10.in-addr.arpa", "PTR")).header.rcode == 3


async def test_an_external_name_follows_its_edit_and_its_change_of_type() -> None:
    async with serving([namespace("shop"), external("dns", "foo.example.com")]) as served:
        assert await served.dig("+short", f"dns.{SHOP}", "CNAME") == "foo.example.com.\n"
        served.put(external("dns", "bar.example.com"))
        assert await served.dig("+short", f"dns.{SHOP}", "CNAME") == "bar.example.com.\n"
        served.put(service("dns", "10.96.0.77"))
        assert await served.dig("+short", f"dns.{SHOP}", "A") == "10.96.0.77\n"


async def test_a_new_namespace_brings_its_services() -> None:
    async with serving([service("cart", "10.96.0.20")]) as served:
        assert (await served.ask(f"cart.{SHOP}")).header.rcode == 3
        served.put(namespace("shop"))
        await until_told()
        assert (await served.ask(f"cart.{SHOP}")).header.rcode == 0


async def test_garbage_is_survived_in_silence_or_with_a_header() -> None:
    rng = random.Random(7)
    async with serving() as served:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(300):
                sock.sendto(rng.randbytes(rng.randrange(200)), (served.host, served.port))
        cut = bytes.fromhex("beef 0100 0001 0000 0000 0000 0361")
        reply = dnslib.DNSRecord.parse(await exchange(served.host, served.port, cut))
        assert (reply.header.id, reply.header.rcode) == (0xBEEF, 1)
        with pytest.raises(TimeoutError):
            await exchange(served.host, served.port, bytes.fromhex("beef 8100") + cut[4:], timeout=0.05)
        assert await served.dig("+short", f"cart.{SHOP}") == "10.96.0.20\n"


async def test_pipelined_queries_on_one_connection_are_all_answered() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        questions = [dnslib.DNSRecord.question(f"cart.{SHOP}") for _ in range(200)]
        everything = b"".join(frame(each.pack()) for each in questions)
        writer.write(everything[:1001])
        await asyncio.sleep(0.01)  # the cut falls inside a query
        writer.write(everything[1001:])
        writer.write_eof()
        ids = [dnslib.DNSRecord.parse(await read_frame(reader)).header.id for _ in questions]
        assert ids == [each.header.id for each in questions]
        assert await reader.read() == b""
        writer.close()


async def test_a_client_that_does_not_read_is_not_answered_without_end() -> None:
    async with serving(many(1000)) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        question = frame(dnslib.DNSRecord.question(f"many.{SHOP}").pack())
        count = 2000
        writer.write(question * count)
        while served.server.counts().requests.get(("A", "NOERROR"), 0) < 10:
            await asyncio.sleep(0.01)
        other = await served.ask(f"many.{SHOP}")
        assert other.header.tc == 1
        assert served.server.counts().requests["A", "NOERROR"] < count
        for _ in range(count):
            assert len(await read_frame(reader)) > 16000
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"\0", b"\0\x20half"], ids=["nothing", "half a length", "half a query"])
async def test_a_connection_that_asks_nothing_is_closed(sent: bytes) -> None:
    async with serving(idle_timeout=0.05) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        writer.write(sent)
        with pytest.raises((ConnectionError, EOFError)):
            await read_frame(reader)
        writer.close()


@pytest.mark.parametrize("garbage", [b"\0\0", b"\0\x03abc", b"\0\x0c" + b"\xff" * 12])
async def test_a_connection_with_garbage_is_closed(garbage: bytes) -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        writer.write(garbage)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


async def test_a_connection_beyond_the_bound_takes_the_place_of_the_idlest() -> None:
    async with serving(max_connections=2) as served:
        question = dnslib.DNSRecord.question(f"cart.{SHOP}")

        async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(frame(question.pack()))
            assert dnslib.DNSRecord.parse(await read_frame(reader)).rr

        busy, idle = [await asyncio.open_connection(served.host, served.port) for _ in range(2)]
        for each in (idle, busy):
            await ask(*each)
        newcomer = await asyncio.open_connection(served.host, served.port)
        await ask(*newcomer)
        assert served.server.counts().open_connections == 2
        with pytest.raises((ConnectionError, EOFError)):
            await read_frame(idle[0])
        await ask(*busy)
        for _, writer in (busy, idle, newcomer):
            writer.close()


async def test_a_connection_that_waits_for_an_upstream_is_not_the_idlest() -> None:
    async with (
        upstream(mute) as up,
        serving(max_connections=2, upstreams=(up.address,), timeout=0.2) as served,
    ):
        waiting, idle = [await asyncio.open_connection(served.host, served.port) for _ in range(2)]
        waiting[1].write(frame(dnslib.DNSRecord.question("www.example.com").pack()))
        while not up.asked:
            await asyncio.sleep(0)
        newcomer = await asyncio.open_connection(served.host, served.port)
        with pytest.raises((ConnectionError, EOFError)):
            await read_frame(idle[0])
        assert dnslib.DNSRecord.parse(await read_frame(waiting[0])).header.rcode == dnslib.RCODE.SERVFAIL
        for _, writer in (waiting, idle, newcomer):
            writer.close()


async def test_the_reply_comes_from_the_address_that_was_asked() -> None:
    async with serving(addresses=(("127.98.0.21", 0), ("127.98.0.22", 0))) as served:
        for host, port in served.server.addresses:
            reply = dnslib.DNSRecord.parse(
                await exchange(host, port, dnslib.DNSRecord.question(f"cart.{SHOP}").pack())
            )  # a connected socket hears only the address it asked
            assert str(reply.rr[0].rdata) == "10.96.0.20"


async def test_ipv6_is_served_too() -> None:
    async with serving(addresses=(("::1", 0),)) as served:
        assert await served.dig("+short", f"cart.{SHOP}") == "10.96.0.20\n"


@pytest.mark.parametrize(("kind", "protocol"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")])
async def test_a_taken_address_is_named_and_the_others_serve(kind: socket.SocketKind, protocol: str) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        address = taken.getsockname()
        config = DNSConfig(addresses=(address, ("127.98.0.23", 0)))
        server = DNSServer(StoreListerWatcher(Store()), config, clock=lambda: 0.0, rng=random.Random(1))
        listening = await server.start()
        server.close()
        assert [each[0] for each in listening.bound] == ["127.98.0.23"]
        assert [each.address for each in listening.failed] == [address]
        text = f"cannot listen on {HOST} port {address[1]}/{protocol}: Address already in use"
        assert text in str(listening.failed[0].error)
        alone = DNSServer(
            StoreListerWatcher(Store()), DNSConfig(addresses=(address,)), clock=lambda: 0.0, rng=random.Random(1)
        )
        with pytest.raises(OSError, match="Address already in use"):
            await alone.start()


class NeverListed(StoreListerWatcher):
    """A source that is slow to list Services."""

    async def list(self, resource: Resource) -> ObjectList:
        if resource is SERVICES:
            await asyncio.Event().wait()
        return await super().list(resource)


async def test_before_all_is_known_nothing_is_said_not_to_exist() -> None:
    store = Store()
    store.create(*_as_stored(namespace("shop")))
    server = DNSServer(NeverListed(store), DNSConfig(addresses=((HOST, 0),)), clock=lambda: 9.0, rng=random.Random(1))
    ((host, port),) = (await server.start()).bound
    task = asyncio.create_task(server.run())
    for name, rcode in ((f"cart.{SHOP}", 2), (f"cart.{SHOP}", 2), (SHOP, 0)):
        reply = dnslib.DNSRecord.parse(await exchange(host, port, dnslib.DNSRecord.question(name).pack()))
        assert reply.header.rcode == rcode
        assert reply.auth[0].rtype == 6
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _as_stored(obj: JSON) -> tuple[Resource, JSON]:

    return resource_of(obj), obj


async def test_requests_are_counted_by_type_and_rcode() -> None:
    async with serving() as served:
        for _ in range(4):
            await served.ask(f"cart.{SHOP}")
        await served.ask(f"missing.{SHOP}", "AAAA")
        await served.ask(f"cart.{SHOP}", "HINFO")
        await served.dig("+tcp", f"cart.{SHOP}")
        assert served.server.counts().requests == {
            ("A", "NOERROR"): 5,
            ("AAAA", "NXDOMAIN"): 1,
            ("other", "NOERROR"): 1,
        }


async def test_verified_pods_come_and_go_with_their_pods() -> None:
    async with serving(pods="verified") as served:
        assert [str(each.rdata) for each in (await served.ask("10-244-0-1.shop.pod.cluster.local")).rr] == [
            str(ip_address("10.244.0.1"))
        ]
        assert (await served.ask("10-244-0-2.shop.pod.cluster.local")).header.rcode == 3


async def test_other_hosts_are_answered_at_once_also_behind_an_alias() -> None:
    async with serving(hosts={"k8s.service.com": ("10.65.40.20",)}) as served:
        for _ in range(3):  # so that the response is kept
            assert await served.dig("+short", "k8s.service.com") == "10.65.40.20\n"
        served.server.set_hosts({"other.com": ("10.65.40.21",), "foo.example.com": ("10.65.40.22",)})
        assert await served.dig("+short", "k8s.service.com") == ""
        assert await served.dig("+short", "-x", "10.65.40.21") == "other.com.\n"
        assert (await served.dig("+short", f"ext.{SHOP}")).split("\n") == ["Foo.Example.com.", "10.65.40.22", ""]
