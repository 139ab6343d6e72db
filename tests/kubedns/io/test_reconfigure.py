"""Another configuration takes over, and a server on every address answers from the one that was asked."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import dnslib
import pytest
from tests.helpers.kubedns.server import Served, frame, mute, read_frame, saying, serving, upstream, with_forwards
from tests.helpers.patience import FACTOR, PATIENCE

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.scheme import ENDPOINTSLICES, Resource
from kubeapi.watching import ObjectList
from kubedns.config import DNSConfig, Retention

CART = "cart.shop.svc.cluster.local"
EXAMPLE = "www.example"
ADDRESS = f"{EXAMPLE} 60 A 192.0.2.1"


async def reconfigure(served: Served, **config: Any) -> None:
    settings = {"addresses": ((served.host, served.port),)} | with_forwards(config)
    await served.server.reconfigure(StoreListerWatcher(served.store), DNSConfig(**settings), patience=PATIENCE)


async def test_a_new_configuration_is_in_force_and_connections_stay() -> None:
    async with serving(ttl=5) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        question = dnslib.DNSRecord.question(CART).pack()
        ttls = []
        for ttl in (5, 30):
            writer.write(frame(question))
            ttls.append(dnslib.DNSRecord.parse(await read_frame(reader)).rr[0].ttl)
            assert (await served.ask(CART)).rr[0].ttl == ttl
            await reconfigure(served, ttl=30)
        assert ttls == [5, 30]
        assert served.server.counts().requests == {("A", "NOERROR"): 4}
        writer.close()


async def test_no_query_is_lost_while_configurations_change() -> None:
    async with serving() as served:
        answers: list[int] = []

        async def go_on_asking() -> None:
            while len(answers) < 300:
                answers.append((await served.ask(CART)).header.rcode)

        asking = [asyncio.create_task(go_on_asking()) for _ in range(4)]
        for ttl in range(20):
            await reconfigure(served, ttl=ttl)
        await asyncio.gather(*asking)
        assert set(answers) == {0}


async def test_a_query_that_waits_for_an_upstream_is_answered_after_the_change() -> None:
    """The upstream is silent to the first question, and is asked again when that has taken too long."""
    async with upstream(mute) as up, serving(upstreams=(up.address,), timeout=0.2 * FACTOR) as served:
        waiting = asyncio.create_task(served.ask(EXAMPLE))
        while not up.asked:
            await asyncio.sleep(0.001)
        up.temper = saying(ADDRESS)
        await reconfigure(served)
        assert [str(each.rdata) for each in (await waiting).rr] == ["192.0.2.1"]
        assert (await served.ask("other.example")).header.rcode == 5


async def test_an_address_that_cannot_be_bound_changes_nothing() -> None:
    async with serving(ttl=5) as served, serving() as other:
        with pytest.raises(OSError, match="cannot listen on"):
            await reconfigure(served, ttl=30, addresses=((other.host, other.port), ("127.98.0.11", 0)))
        assert (await served.ask(CART)).rr[0].ttl == 5
        assert served.server.addresses == ((served.host, served.port),)


async def test_addresses_are_added_and_given_back() -> None:
    async with serving() as served:
        await reconfigure(served, addresses=(("127.98.0.12", 0),))
        ((host, port),) = served.server.addresses
        assert host == "127.98.0.12"
        assert (await served._replace(host=host, port=port).ask(CART)).header.rcode == 0
        socket.create_server((served.host, served.port)).close()


@pytest.mark.parametrize(("everywhere", "asked"), [("0.0.0.0", "127.98.7.7"), ("::", "::1")])
@pytest.mark.parametrize("name", [CART, EXAMPLE], ids=["at once", "by an upstream"])
async def test_an_answer_comes_from_the_address_that_was_asked(everywhere: str, asked: str, name: str) -> None:
    """The client's socket is connected, so that it gets no answer from another address."""
    async with (
        upstream(saying(ADDRESS)) as up,
        serving(addresses=((everywhere, 0),), upstreams=(up.address,)) as served,
    ):
        for _ in range(3):  # anew, anew and kept, kept
            assert (await served._replace(host=asked).ask(name)).header.rcode == 0


async def test_a_reply_of_an_upstream_is_kept_and_counted() -> None:
    async with upstream(saying(ADDRESS)) as up, serving(upstreams=(up.address,), retention=Retention()) as served:
        for _ in range(3):
            assert [str(each.rdata) for each in (await served.ask(EXAMPLE)).rr] == ["192.0.2.1"]
        counts = served.server.counts()
        assert (len(up.asked), counts.hits, counts.misses, counts.kept) == (1, 2, 1, 1)
        assert counts.requests == {("A", "NOERROR"): 3}


async def test_a_server_on_every_address_asks_itself_at_none() -> None:
    async with upstream(saying(ADDRESS)) as up:
        port = up.address[1]
        async with serving(addresses=(("0.0.0.0", 0),), own_addresses=("192.0.2.9",)) as served:
            own = [(host, served.port) for host in ("127.0.0.1", "::1", "192.0.2.9")]
            await reconfigure(served._replace(host="0.0.0.0"), upstreams=own, own_addresses=("192.0.2.9",))
            assert (await served._replace(host="127.0.0.1").ask(EXAMPLE)).header.rcode == 5
            await reconfigure(served._replace(host="0.0.0.0"), upstreams=[*own, (up.address[0], port)])
            assert (await served._replace(host="127.0.0.1").ask(EXAMPLE)).header.rcode == 0


async def test_names_of_services_do_not_wait_for_endpoints() -> None:
    """As long as these are not known, a name that is not found is a failure: it may be one of theirs."""

    class WithoutSlices(StoreListerWatcher):
        async def list(self, resource: Resource) -> ObjectList:
            if resource == ENDPOINTSLICES:
                await asyncio.get_running_loop().create_future()
            return await super().list(resource)

    async with serving() as served:
        source = WithoutSlices(served.store)
        config = DNSConfig(addresses=((served.host, served.port),), ttl=7)
        await served.server.reconfigure(source, config, patience=0.05 * FACTOR)
        assert (await served.ask(CART)).rr[0].ttl == 7
        assert (await served.ask("db.shop.svc.cluster.local")).header.rcode == 2
        assert not served.server.has_synced


@pytest.mark.parametrize(("policy", "first"), [("sequential", [0, 0, 0, 0]), ("round_robin", [1, 0, 1, 0])])
async def test_upstreams_are_asked_in_the_order_of_the_policy(policy: str, first: list[int]) -> None:
    async with upstream(saying(ADDRESS)) as one, upstream(saying(ADDRESS), "127.98.1.2") as two:
        order = []
        async with serving(upstreams=(one.address, two.address), policy=policy) as served:
            for _ in first:
                before = len(two.asked)
                await served.ask(EXAMPLE)
                order.append(len(two.asked) - before)
        assert order == first


async def test_upstreams_may_be_asked_over_tcp_alone() -> None:
    async with upstream(saying(ADDRESS)) as up, serving(upstreams=(up.address,), is_tcp_only=True) as served:
        assert (await served.ask(EXAMPLE)).header.rcode == 0
        assert [is_tcp for _, is_tcp in up.asked] == [True]
