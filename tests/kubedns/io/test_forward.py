"""Names that are not ours: upstreams that answer, lie, fall silent, die, truncate or send the question back."""

from __future__ import annotations

import asyncio
import random
import socket

import dnslib
import pytest
from tests.helpers.kubedns.server import Upstream, exchange, frame, mute, read_frame, saying, serving, upstream
from tests.helpers.kubedns.zone import query
from tests.helpers.patience import FACTOR

from kubedns.config import Forward
from kubedns.io.forward import Forwarder
from kubedns.packets.queries import write_query
from kubedns.types import Query
from kubehost.addresses import Address

EXAMPLE = "www.example.com"
ADDRESS = f"{EXAMPLE} 77 A 192.0.2.1"
EXT = "ext.shop.svc.cluster.local"


def dead_address() -> Address:
    """An address where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.98.1.9", 0))
        host, port = sock.getsockname()
        return host, port


def addresses(reply: dnslib.DNSRecord) -> list[str]:
    return [str(each.rdata) for each in reply.rr]


def truncating(packet: bytes, is_tcp: bool) -> bytes | None:
    """An upstream with more to say than fits a datagram."""
    if is_tcp:
        return saying("\n".join(f"{EXAMPLE} 5 A 192.0.2.{each}" for each in range(100)))(packet, True)
    reply = dnslib.DNSRecord.parse(packet).reply()
    reply.header.tc = 1
    return bytes(reply.pack())


async def test_a_name_outside_is_relayed_as_the_upstream_says_it() -> None:
    async with upstream(saying(ADDRESS)) as up, serving(upstreams=(up.address,)) as served:
        reply = await served.ask(EXAMPLE)
        assert (addresses(reply), reply.rr[0].ttl) == (["192.0.2.1"], 77)
        assert (reply.header.aa, reply.header.ra) == (0, 1)
        assert served.server.counts()[:2] == ({("A", "NOERROR"): 1}, 1)


async def test_names_of_the_zone_and_known_addresses_are_never_asked_upstream() -> None:
    async with upstream(saying(ADDRESS)) as up, serving(upstreams=(up.address,)) as served:
        await served.ask("missing.shop.svc.cluster.local")
        assert await served.dig("+short", "-x", "10.96.0.20") == "cart.shop.svc.cluster.local.\n"
        assert await served.dig("+short", "cluster.local", "AXFR") == "; Transfer failed.\n"
        assert up.asked == []


async def test_an_unknown_address_is_asked_upstream() -> None:
    said = saying("1.2.0.192.in-addr.arpa 5 PTR host.example.")
    async with upstream(said) as up, serving(upstreams=(up.address,)) as served:
        assert await served.dig("+short", "-x", "192.0.2.1") == "host.example.\n"


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
async def test_the_no_of_an_upstream_is_relayed(rcode: str) -> None:
    async with upstream(saying("", rcode=rcode)) as up, serving(upstreams=(up.address,)) as served:
        assert (await served.ask(EXAMPLE)).header.rcode == getattr(dnslib.RCODE, rcode)
        assert served.server.counts().requests == {("A", rcode): 1}


async def test_a_dead_upstream_is_passed_over() -> None:
    async with (
        upstream(saying(ADDRESS)) as up,
        serving(upstreams=(dead_address(), up.address, dead_address())) as served,
    ):
        for _ in range(10):
            assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]


def is_probe(packet: bytes) -> bool:
    """Whether the root's name servers are asked for, which shows whether an upstream lives."""
    return packet[12:15] == b"\0\0\2"


def probes(upstream: Upstream) -> int:
    return sum(is_probe(packet) for packet, _ in upstream.asked)


QUICK = 0.01
"""Seconds between two probes, in place of 0.5."""


@pytest.fixture
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a probe's answer only shortly."""
    monkeypatch.setattr("kubedns.io.upstream.PROBE_TIMEOUT", 0.01)


@pytest.mark.usefixtures("quick_probes")
async def test_a_silent_upstream_is_passed_over_until_it_answers_a_probe() -> None:
    async with (
        upstream(mute, "127.98.1.2") as silent,
        upstream(saying(ADDRESS)) as up,
        serving(upstreams=(silent.address, up.address), timeout=1.0 * FACTOR, probe_interval=QUICK) as served,
    ):
        while probes(silent) < 5:  # the fifth is sent when the fourth has failed
            assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]
        asked = len(silent.asked) - probes(silent)
        for _ in range(20):
            assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]
        assert len(silent.asked) - probes(silent) == asked
        silent.temper = saying(ADDRESS)
        while len(silent.asked) - probes(silent) == asked:
            assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]


@pytest.mark.usefixtures("quick_probes")
async def test_when_all_upstreams_are_down_one_is_tried_all_the_same() -> None:
    async with upstream(mute) as up, serving(upstreams=(up.address,), timeout=0.02, probe_interval=QUICK) as served:
        while probes(up) < 5:
            assert (await served.ask(EXAMPLE)).header.rcode == 2
        asked = len(up.asked) - probes(up)
        assert (await served.ask(EXAMPLE)).header.rcode == 2
        assert len(up.asked) - probes(up) == asked + 1


async def test_the_names_in_a_stub_domain_are_asked_of_its_own_upstreams() -> None:
    async with (
        upstream(saying(ADDRESS)) as general,
        upstream(saying("acme.local 9 A 192.0.2.9"), "127.98.1.3") as stub,
        upstream(saying("deep.acme.local 9 A 192.0.2.10"), "127.98.1.4") as deeper,
        serving(
            upstreams=(general.address,),
            stub_domains={"ACME.local": (stub.address,), "deep.acme.local.": (deeper.address,)},
        ) as served,
    ):
        assert addresses(await served.ask("acme.local")) == ["192.0.2.9"]
        assert addresses(await served.ask("A.B.acme.LOCAL")) == ["192.0.2.9"]
        assert addresses(await served.ask("x.deep.acme.local")) == ["192.0.2.10"]
        assert addresses(await served.ask("xacme.local")) == ["192.0.2.1"]
        assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]
        assert [len(each.asked) for each in (general, stub, deeper)] == [2, 2, 1]


async def test_a_stub_domain_below_the_zone_or_a_reverse_zone_takes_its_names() -> None:
    stubs = ["sub.cluster.local", "10.in-addr.arpa", "local", "arpa"]
    async with (
        upstream(saying("x 9 A 192.0.2.9")) as up,
        serving(stub_domains=dict.fromkeys(stubs, (up.address,))) as served,
    ):
        assert addresses(await served.ask("a.sub.cluster.local")) == ["192.0.2.9"]
        assert addresses(await served.ask("20.0.96.10.in-addr.arpa", "PTR")) == ["192.0.2.9"]
        assert addresses(await served.ask("cart.shop.svc.cluster.local")) == ["10.96.0.20"]
        assert (await served.ask("cluster.local", "SOA")).rr[0].rtype == 6
        assert len(up.asked) == 2


async def test_an_alias_into_a_stub_domain_is_followed_there() -> None:
    said = saying("foo.example.com 9 A 192.0.2.9")
    async with upstream(said) as up, serving(stub_domains={"example.com": (up.address,)}) as served:
        assert addresses(await served.ask(EXT)) == ["Foo.Example.com.", "192.0.2.9"]
        assert (await served.ask("elsewhere.example.org")).header.rcode == 5


async def test_a_lost_datagram_is_sent_again() -> None:
    lost: list[bytes] = []

    def forgetful(packet: bytes, is_tcp: bool) -> bytes | None:
        lost.append(packet)
        return None if len(lost) == 1 else saying(ADDRESS)(packet, is_tcp)

    async with upstream(forgetful) as up, serving(upstreams=(up.address,), timeout=1.0 * FACTOR) as served:
        assert addresses(await served.ask(EXAMPLE)) == ["192.0.2.1"]


@pytest.mark.parametrize("temper", [mute, None], ids=["silent", "dead"])
async def test_without_a_living_upstream_it_is_a_server_failure(temper: object) -> None:
    async with upstream(mute) as up:
        address = up.address if temper else dead_address()
        async with serving(upstreams=(address,), timeout=0.02) as served:
            reply = await served.ask(EXAMPLE)
            assert (reply.header.rcode, reply.header.aa) == (2, 0)
            assert (await served.ask("cart.shop.svc.cluster.local")).header.rcode == 0


@pytest.mark.parametrize(
    ("lie", "rcode"),
    [
        pytest.param(lambda reply: b"", "SERVFAIL", id="empty"),
        pytest.param(lambda reply: b"\xff" * 40, "SERVFAIL", id="garbage"),
        pytest.param(lambda reply: bytes((reply[0] ^ 1, *reply[1:])), "SERVFAIL", id="another id"),
        pytest.param(lambda reply: bytes((*reply[:2], reply[2] & 0x7F, *reply[3:])), "FORMERR", id="a query"),
        pytest.param(lambda reply: reply.replace(b"example", b"exampel"), "FORMERR", id="another name"),
    ],
)
async def test_what_is_no_reply_to_the_question_is_not_relayed(lie: object, rcode: str) -> None:
    assert callable(lie)

    def liar(packet: bytes, is_tcp: bool) -> bytes:
        return bytes(lie(saying(ADDRESS)(packet, is_tcp)))

    async with upstream(liar) as up, serving(upstreams=(up.address,), timeout=0.02) as served:
        reply = await served.ask(EXAMPLE)
        assert (dnslib.RCODE[reply.header.rcode], reply.rr, str(reply.q.qname)) == (rcode, [], f"{EXAMPLE}.")


async def test_a_reply_that_is_too_large_for_the_client_comes_empty_and_truncated() -> None:
    many = saying("\n".join(f"{EXAMPLE} 5 A 192.0.2.{each}" for each in range(100)))
    async with upstream(many) as up, serving(upstreams=(up.address,)) as served:
        reply = await served.ask(EXAMPLE)
        assert (reply.header.tc, reply.header.rcode, reply.rr) == (1, 0, [])
        assert len((await served.dig("+short", EXAMPLE)).split()) == 100
        assert len((await served.dig("+short", "+noedns", "+ignore", EXAMPLE)).split()) == 0


async def test_an_alias_is_not_completed_by_a_reply_to_another_question() -> None:
    def liar(packet: bytes, is_tcp: bool) -> bytes:
        reply = saying("foo.example.com 9 A 192.0.2.9")(packet, is_tcp)
        assert reply is not None
        return reply[:12] + reply[12:].replace(b"\0\1\0\1", b"\0\1\0\3", 1)

    async with upstream(liar) as up, serving(upstreams=(up.address,)) as served:
        reply = await served.ask(EXT)
        assert (reply.header.rcode, [each.rtype for each in reply.rr]) == (0, [5])


async def test_a_truncated_reply_is_relayed_over_udp_and_completed_for_a_client_on_tcp() -> None:
    async with upstream(truncating) as up, serving(upstreams=(up.address,)) as served:
        assert (await served.ask(EXAMPLE)).header.tc == 1
        assert len((await served.dig("+tcp", "+short", EXAMPLE)).split()) == 100


async def test_the_server_does_not_ask_itself() -> None:
    async with serving() as first:
        address = first.host, first.port
        forwarder = Forwarder({".": Forward((address,))}, random.Random(1))
        forwarder.exclude([address])
        assert not forwarder.can_ask((b"www",))


async def test_a_question_that_comes_back_ends_the_loop() -> None:
    """The upstream sends the very packet to the server that sent it, as a redirected port would."""
    back: list[Address] = []
    replies: list[bytes] = []

    async def send_back(packet: bytes) -> None:
        replies.append(await exchange(*back[0], packet))

    def loop(packet: bytes, _is_tcp: bool) -> None:
        if not is_probe(packet):
            tasks.append(asyncio.get_running_loop().create_task(send_back(packet)))

    tasks: list[asyncio.Task[None]] = []
    async with upstream(loop) as up, serving(upstreams=(up.address,), timeout=0.1) as served:
        back.append((served.host, served.port))
        assert (await served.ask(EXAMPLE)).header.rcode == 2
        while not all(each.done() for each in tasks):  # rounds that end may have begun others
            await asyncio.gather(*tasks)
        assert replies[0][3] & 15 == 5  # the innermost round, then its callers
        assert served.server.counts().forwarded <= 1 + 2 + 4  # three rounds, each asks twice


async def test_more_questions_than_may_wait_are_refused_and_the_zone_goes_on() -> None:
    async with upstream(mute) as up, serving(upstreams=(up.address,), max_concurrent=3, timeout=1) as served:
        waiting = [asyncio.create_task(served.ask(f"{each}.example")) for each in range(3)]
        while len(up.asked) < 3:
            await asyncio.sleep(0.001)
        assert (await served.ask(EXAMPLE)).header.rcode == 5
        assert (await served.ask("cart.shop.svc.cluster.local")).header.rcode == 0
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_refusals_over_tcp_come_at_once_and_in_any_number() -> None:
    async with upstream(mute) as up, serving(upstreams=(up.address,), max_concurrent=1) as served:
        waiting = asyncio.create_task(served.ask(EXAMPLE))
        while not up.asked:
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_connection(served.host, served.port)
        questions = [dnslib.DNSRecord.question(EXAMPLE) for _ in range(1500)]
        writer.write(b"".join(frame(each.pack()) for each in questions))
        replies = [dnslib.DNSRecord.parse(await read_frame(reader)).header for _ in questions]
        assert [(each.id, each.rcode) for each in replies] == [(each.header.id, 5) for each in questions]
        writer.close()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_replies_over_tcp_come_as_they_are_ready() -> None:
    async with upstream(mute) as up, serving(upstreams=(up.address,), timeout=0.1) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        outside, inside = dnslib.DNSRecord.question(EXAMPLE), dnslib.DNSRecord.question("cart.shop.svc.cluster.local")
        writer.write(frame(outside.pack()) + frame(inside.pack()))
        writer.write_eof()
        replies = [dnslib.DNSRecord.parse(await read_frame(reader)) for _ in range(2)]
        assert [(each.header.id, each.header.rcode) for each in replies] == [
            (inside.header.id, 0),
            (outside.header.id, 2),
        ]
        assert await reader.read() == b""
        writer.close()


async def test_many_waiting_queries_of_one_connection_do_not_stop_it() -> None:
    async with upstream(saying(ADDRESS)) as up, serving(upstreams=(up.address,)) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        questions = [dnslib.DNSRecord.question(EXAMPLE) for _ in range(200)]
        writer.write(b"".join(frame(each.pack()) for each in questions))
        ids = {dnslib.DNSRecord.parse(await read_frame(reader)).header.id for _ in questions}
        assert ids == {each.header.id for each in questions}
        writer.close()


async def test_an_alias_is_followed_upstream_with_the_alias_first() -> None:
    chain = "foo.example.com 30 CNAME bar.example.com\nbar.example.com 31 A 192.0.2.9"
    async with upstream(saying(chain)) as up, serving(upstreams=(up.address,)) as served:
        reply = await served.ask("dotted.shop.svc.cluster.local")
        assert [(str(each.rname), each.ttl) for each in reply.rr] == [
            ("dotted.shop.svc.cluster.local.", 5),
            ("foo.example.com.", 30),
            ("bar.example.com.", 31),
        ]
        assert reply.header.aa == 1
        assert str(dnslib.DNSRecord.parse(up.asked[0][0]).q.qname) == "foo.example.com."


@pytest.mark.parametrize("temper", [mute, saying("", rcode="NXDOMAIN"), lambda packet, _: packet[:2] + b"\x80" * 30])
async def test_an_alias_that_no_upstream_knows_is_the_whole_answer(temper: object) -> None:
    assert callable(temper)
    async with upstream(temper) as up, serving(upstreams=(up.address,), timeout=0.02) as served:
        reply = await served.ask(EXT)
        assert (reply.header.rcode, [each.rtype for each in reply.rr]) == (0, [5])


async def test_an_alias_without_upstreams_is_the_whole_answer() -> None:
    async with serving() as served:
        assert addresses(await served.ask(EXT)) == ["Foo.Example.com."]


async def test_a_long_answer_behind_an_alias_is_truncated_for_the_client() -> None:
    async with upstream(truncating) as up, serving(upstreams=(up.address,)) as served:
        reply = await served.ask(EXT)
        assert reply.header.tc == 1
        assert reply.rr[0].rtype == 5
        assert len((await served.dig("+short", EXT)).split()) == 101


async def test_stopping_does_not_wait_for_upstreams() -> None:
    async with upstream(mute) as up:
        async with serving(upstreams=(up.address,)) as served:
            waiting = asyncio.create_task(served.ask(EXAMPLE))
            while not up.asked:
                await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(asyncio.all_tasks()) == 1


async def test_a_deadline_ends_even_a_long_list_of_silent_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedns.io.forward.DEADLINE", 0.05)
    asked: Query = query(EXAMPLE)
    async with upstream(mute) as up:
        others = [("127.98.1.1", up.address[1])] * 1 + [(f"127.98.1.{each}", up.address[1]) for each in range(20, 30)]
        sockets = []
        for address in others[1:]:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(address)
            sockets.append(sock)
        forwarder = Forwarder({".": Forward(tuple(others), timeout=0.02)}, random.Random(1))
        assert await forwarder.ask(write_query(1, asked.name, 1, 512), asked, is_whole=False) is None
        await forwarder.stop()
        for sock in sockets:
            sock.close()
