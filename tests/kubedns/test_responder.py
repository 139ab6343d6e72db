"""Packet to packet: what is kept, what a change takes away, and that kept responses are the same as new ones."""

from __future__ import annotations

import random

import dnslib
import pytest
from tests.helpers.kubedns.objects import cluster, endpoint, endpoint_slice, namespace, pod, service
from tests.helpers.kubedns.zone import tell, untell, zone_of

from kubeapi.meta import JSON
from kubedns.cache import Entry, ResponseCache
from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.names import wire_of
from kubedns.packets.queries import write_query
from kubedns.packets.responses import Response, Shuffle
from kubedns.responder import Pending, Responder
from kubedns.types import Answer, Owner, QType, Query

SHOP = "shop.svc.cluster.local"
NOTHING = Shuffle((), 0)


class Counting(Handler):
    """A Handler that counts how often it is asked."""

    asked = 0

    def answer(self, query: Query) -> Answer:
        self.asked += 1
        return super().answer(query)


class Bench:
    """A responder with its zone, as the server puts them together."""

    def __init__(self, objects: list[JSON], *, can_ask: bool = False, **config: object) -> None:
        self.now = 1000.0
        self.zone = zone_of(objects)
        self.zone._clock = lambda: self.now
        self.handler = Counting(self.zone, DNSConfig(**config))  # type: ignore[arg-type]  # the test knows
        self.responder = Responder(self.handler, random.Random(1).random, can_ask=lambda _: can_ask)

    def ask(self, name: str, ident: int = 7) -> dnslib.DNSRecord:
        qtype = QType.PTR if name.endswith(".arpa") else QType.A
        reply = self.responder.respond(write_query(ident, wire_of(name), qtype, 1232), is_tcp=False)
        assert isinstance(reply, bytes)
        return dnslib.DNSRecord.parse(reply)

    def warm(self, *names: str) -> None:
        """Ask until the responses are kept, and prove it."""
        for name in names:
            self.ask(name)
            self.ask(name)
            assert self.is_kept(name)

    def is_kept(self, name: str) -> bool:
        """Whether the next response comes from the cache."""
        asked = self.handler.asked
        self.ask(name)
        return self.handler.asked == asked

    def tell(self, *objects: JSON) -> None:
        self.responder.drop(tell(self.zone, *objects))


def test_a_kept_response_carries_the_id_of_each_query() -> None:
    bench = Bench(cluster())
    assert [bench.ask(f"cart.{SHOP}", ident=each).header.id for each in (1, 2, 3, 65535)] == [1, 2, 3, 65535]


@pytest.mark.parametrize(
    ("change", "gone", "kept"),
    [
        (service("cart", "10.96.0.99"), f"cart.{SHOP}", f"db.{SHOP}"),
        (endpoint_slice("cart-1", "cart"), f"blue.cart.{SHOP}", f"db.{SHOP}"),
        (endpoint_slice("cart-1", "cart"), f"blue.cart.{SHOP}", f"cart.{SHOP}"),
        (endpoint_slice("db-2", "db"), f"db.{SHOP}", f"cart.{SHOP}"),
        (service("missing", "10.96.0.99"), f"missing.{SHOP}", f"cart.{SHOP}"),
        (service("cart", "10.96.0.99"), "20.0.96.10.in-addr.arpa", "30.0.96.10.in-addr.arpa"),
        (service("new", "10.96.0.99"), "99.0.96.10.in-addr.arpa", "30.0.96.10.in-addr.arpa"),
        (service("cart", "10.96.0.99"), f"twice.{SHOP}", f"db.{SHOP}"),
        (namespace("new"), "a.new.svc.cluster.local", f"db.{SHOP}"),
        (service("kube-dns", "10.96.0.99", ns="kube-system"), "ns.dns.cluster.local", f"db.{SHOP}"),
    ],
    ids=[
        "a service",
        "an endpoint's name",
        "no cluster IP for its endpoints",
        "a headless service",
        "a name that was missing",
        "the address that a service had",
        "an address that a service got",
        "aliases to the service",
        "a namespace",
        "the name server's address",
    ],
)
def test_a_change_takes_away_what_it_made_stale_and_nothing_else(change: JSON, gone: str, kept: str) -> None:
    bench = Bench(cluster())
    bench.warm(gone, kept)
    bench.tell(change)
    assert (bench.is_kept(gone), bench.is_kept(kept)) == (False, True)


def test_the_name_of_a_verified_pod_goes_with_it() -> None:
    bench = Bench(cluster(), pods="verified")
    bench.warm("10-244-0-1.shop.pod.cluster.local")
    bench.responder.drop(untell(bench.zone, pod("cart-a", "10.244.0.1")))
    assert bench.ask("10-244-0-1.shop.pod.cluster.local").header.rcode == 3


def test_a_no_shows_the_serial_of_the_last_change() -> None:
    bench = Bench(cluster())
    bench.warm(f"missing.{SHOP}")
    bench.now = 2000.0
    bench.tell(service("other", "10.96.0.99"))
    assert bench.ask(f"missing.{SHOP}").auth[0].rdata.times[0] == 2000


def test_a_change_takes_one_name_of_a_hundred_away_and_no_no() -> None:
    """Not even when the serial, which a no shows, is another one after it."""
    names = [f"svc-{each}" for each in range(100)]
    slices = [endpoint_slice(f"{each}-1", each, endpoint("10.1.0.1")) for each in names]
    bench = Bench([namespace("shop"), *(service(each, "None") for each in names), *slices])
    asked = [f"{each}.{SHOP}" for each in names] + [f"missing-{each}.{SHOP}" for each in range(100)]
    bench.warm(*asked)
    bench.now = 2000.0
    bench.tell(endpoint_slice("svc-7-1", "svc-7", endpoint("10.1.0.2")))
    assert [name for name in asked if not bench.is_kept(name)] == [f"svc-7.{SHOP}"]
    assert {bench.ask(f"missing-{each}.{SHOP}").auth[0].rdata.times[0] for each in range(100)} == {2000}


@pytest.mark.parametrize("size", [None, 1232])
def test_a_kept_no_is_the_same_as_a_new_one(size: int | None) -> None:
    bench = Bench(cluster())
    packet = write_query(7, wire_of(f"missing.{SHOP}"), QType.A, size or 512)
    if size is None:
        packet = packet[:11] + b"\0" + packet[12:-11]
    first, _, third = [bench.responder.respond(packet, is_tcp=False) for _ in range(3)]
    assert first == third
    bench.now = 2000.0
    bench.tell(service("other", "10.96.0.99"))
    kept, new = bench.responder.kept(packet[2:]), bench.responder.respond_anew(packet, packet[2:], is_tcp=False)
    assert kept == new


def test_spelling_transport_and_edns_are_kept_apart() -> None:
    bench = Bench(cluster())
    bench.warm(f"cart.{SHOP}")
    assert str(bench.ask(f"CART.{SHOP}").rr[0].rname) == f"CART.{SHOP}."
    for size in (1232, 700):
        packet = write_query(7, wire_of(f"cart.{SHOP}"), QType.A, size)
        for is_tcp in (False, True):
            reply = bench.responder.respond(packet, is_tcp=is_tcp)
            assert isinstance(reply, bytes)
            assert dnslib.DNSRecord.parse(reply).ar[0].rclass == size


def test_no_datagram_gets_what_is_kept_for_tcp() -> None:
    bench = Bench(cluster())
    packet = write_query(7, wire_of(f"cart.{SHOP}"), QType.A, 1232)
    for _ in range(3):
        bench.responder.respond(packet, is_tcp=True)
    for forged in (b"\0\7\xff" + packet[2:], packet[:2] + b"\x80" + packet[3:]):
        assert bench.responder.respond(forged, is_tcp=False) is None


@pytest.mark.parametrize("count", [2, 3, 9, 200])
def test_kept_responses_are_shuffled_like_new_ones(count: int) -> None:
    addresses = [endpoint(f"10.1.0.{each}") for each in range(count)]
    bench = Bench([namespace("shop"), service("big", "None"), endpoint_slice("big-1", "big", *addresses)])
    bench.warm(f"big.{SHOP}")
    replies = [[str(each.rdata) for each in bench.ask(f"big.{SHOP}").rr] for _ in range(200)]
    assert len({tuple(each) for each in replies}) >= min(count, 6)
    assert {len(each) for each in replies} == {min(count, 73)}
    assert len({each for reply in replies for each in reply}) == count


def test_a_full_cache_is_emptied_and_its_owners_with_it() -> None:
    cache = ResponseCache(limit=10)
    response = Response(b"", NOTHING, b"", NOTHING, b"")
    for each in range(25):
        owners: tuple[Owner, ...] = (("service", b"shop", b"%d" % each), ("namespace", b"shop", b""))
        cache.put(b"%d" % each, Entry((b"x",), response, [0], owners))
    assert list(cache.entries) == [b"%d" % each for each in range(20, 25)]
    cache.drop([("namespace", b"shop", b"")])
    assert vars(cache) == vars(ResponseCache(limit=10))


def test_a_question_is_kept_when_it_is_asked_again() -> None:
    cache = ResponseCache(limit=10)
    assert [cache.is_wanted(b"a"), cache.is_wanted(b"a"), cache.is_wanted(b"b")] == [False, True, False]


def test_what_an_upstream_must_say_is_pending() -> None:
    bench = Bench(cluster(), can_ask=True)
    for name in ("example.com", f"ext.{SHOP}", "9.9.9.9.in-addr.arpa"):
        packet = write_query(7, wire_of(name), QType.A, 1232)
        for _ in range(3):
            assert isinstance(bench.responder.respond(packet, is_tcp=False), Pending)
