"""The whole zone at once: to whom it is given, what is in it, and that a query would be told the same."""

from __future__ import annotations

import asyncio

import dnslib
import pytest
from tests.helpers.kubedns.objects import namespace, service
from tests.helpers.kubedns.server import Served, frame, read_frame, serving
from tests.helpers.patience import PATIENCE

ZONE = "cluster.local"
SHOP = f"shop.svc.{ZONE}."


async def transferred(served: Served, *arguments: str) -> list[str]:
    """The records of a transfer as dig prints them, white space made one."""
    said = await served.dig("+noall", "+answer", "+tcp", *arguments)
    return [" ".join(line.split()) for line in said.splitlines() if line and not line.startswith(";")]


async def test_a_zone_is_given_to_nobody_unless_it_is_allowed() -> None:
    async with serving() as served:
        assert "Transfer failed." in await served.dig(ZONE, "AXFR")
        assert (await served.ask(ZONE, "AXFR")).header.rcode == 5


@pytest.mark.parametrize(
    "name",
    [f"shop.svc.{ZONE}", "example.com", "in-addr.arpa"],
    ids=["a part of the zone", "another zone", "a reverse zone"],
)
async def test_only_the_zone_itself_is_given(name: str) -> None:
    async with serving(allows_transfer=True) as served:
        assert "Transfer failed." in await served.dig(name, "AXFR")


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
async def test_a_transfer_by_udp_is_refused(qtype: str) -> None:
    async with serving(allows_transfer=True) as served:
        reply = await served.ask(ZONE, qtype)
        assert (reply.header.rcode, reply.header.aa, reply.rr, reply.auth) == (5, 0, [], [])


async def test_a_transfer_begins_and_ends_with_the_start_of_authority() -> None:
    async with serving(allows_transfer=True) as served:
        records = await transferred(served, ZONE, "AXFR")
        assert records[0] == records[-1]
        assert records[0].startswith(f"{ZONE}. 5 IN SOA ns.dns.{ZONE}. hostmaster.{ZONE}. ")
        assert sum(" SOA " in each for each in records) == 2
        assert await transferred(served, ZONE, "IXFR=1") == records


async def test_a_transfer_has_what_coredns_gives() -> None:
    async with serving(allows_transfer=True) as served:
        records = set(await transferred(served, ZONE, "AXFR"))
        wanted = {
            f"{ZONE}. 5 IN NS kube-dns.kube-system.svc.{ZONE}.",
            f"ns.dns.{ZONE}. 5 IN A 10.96.0.10",
            f"cart.{SHOP} 5 IN A 10.96.0.20",
            f"cart.{SHOP} 5 IN SRV 0 50 80 cart.{SHOP}",
            f"cart.{SHOP} 5 IN SRV 0 50 9000 cart.{SHOP}",
            f"_http._tcp.cart.{SHOP} 5 IN SRV 0 100 80 cart.{SHOP}",
            f"dual.{SHOP} 5 IN AAAA fd00:96::30",
            f"db.{SHOP} 5 IN A 10.244.1.1",
            f"db-0.db.{SHOP} 5 IN A 10.244.1.1",
            f"10-244-1-2.db.{SHOP} 5 IN A 10.244.1.2",
            f"_pg._tcp.db.{SHOP} 5 IN SRV 0 33 15432 db-0.db.{SHOP}",
            f"fd00-244--2.six.{SHOP} 5 IN AAAA fd00:244::2",
            f"ext.{SHOP} 5 IN CNAME Foo.Example.com.",
        }
        assert wanted - records == set()
        unwanted = ("blue.cart", "10-244-0-1.cart", "orphan", "literal", "asleep", f".pod.{ZONE}", "_._tcp")
        assert [each for each in records if any(word in each for word in unwanted)] == []


async def test_every_record_of_a_transfer_is_what_a_query_is_told() -> None:
    async with serving(allows_transfer=True) as served:
        for line in await transferred(served, ZONE, "AXFR"):
            name, _, _, qtype, rdata = line.split(maxsplit=4)
            reply = await served.ask(name, qtype)
            assert rdata.casefold() in {str(each.rdata).casefold() for each in reply.rr}, line


async def test_who_has_the_newest_version_gets_the_start_of_authority_alone() -> None:
    async with serving(allows_transfer=True) as served:
        serial = (await served.ask(ZONE, "SOA")).rr[0].rdata.times[0]
        assert len(await transferred(served, ZONE, f"IXFR={serial}")) == 1


async def test_a_large_zone_comes_in_many_messages_between_which_others_are_answered() -> None:
    services = [service(f"s{each}", f"10.97.{each // 250}.{each % 250}") for each in range(2000)]
    async with serving([namespace("shop"), *services], allows_transfer=True) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port)
        question = dnslib.DNSRecord.question(ZONE, "AXFR")
        after = dnslib.DNSRecord.question(f"s7.{SHOP}")
        writer.write(frame(question.pack()) + frame(after.pack()))
        writer.write_eof()
        first = dnslib.DNSRecord.parse(await read_frame(reader))
        assert (await served.ask(f"s9.{SHOP}")).rr
        messages = [first]
        while len(messages) == 1 or messages[-1].header.id == question.header.id:
            messages.append(dnslib.DNSRecord.parse(await read_frame(reader)))
        records = [each for message in messages[:-1] for each in message.rr]
        assert len(messages) > 50
        assert sum(each.rtype == 1 for each in records) == 2001  # and ns.dns
        assert (records[0].rtype, records[-1].rtype) == (6, 6)
        assert messages[-1].header.id == after.header.id
        assert await reader.read() == b""
        writer.close()


async def test_who_asks_for_the_zone_and_does_not_read_it_is_cut_off() -> None:
    services = [service(f"s{each}", f"10.97.{each // 250}.{each % 250}") for each in range(2000)]
    async with serving([namespace("shop"), *services], allows_transfer=True, idle_timeout=0.1) as served:
        reader, writer = await asyncio.open_connection(served.host, served.port, limit=1)
        writer.write(frame(dnslib.DNSRecord.question(ZONE, "AXFR").pack()) * 40)
        while not served.server.counts().open_connections:
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            while served.server.counts().open_connections:
                await asyncio.sleep(0.01)
        writer.close()
        assert (await served.ask(f"s9.{SHOP}")).rr
        del reader
