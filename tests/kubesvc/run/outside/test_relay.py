"""Servers of external hosts, relayed in the cluster's network; the host stands for that here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.helpers.loops import settled
from tests.helpers.patience import PATIENCE

from kubehost.io.places import HostPlace
from kubesvc.addresses.plan import AddressPlan
from kubesvc.config import ClusterConfiguration, ExternalHost, ProxySettings
from kubesvc.network.loopback import LoopbackNetwork, LowPorts
from kubesvc.run.outside.relay import OutsideRelays

SERVER, ADDRESS, PORT = "127.1.7.20", "127.0.7.20", 18080
CONFIG = ClusterConfiguration(external_hosts=(ExternalHost("a.com", ADDRESS, PORT, page="hello"),))


class Elsewhere(LoopbackNetwork):
    """A network whose external hosts are at other addresses of this machine, as outside a sandbox's network."""

    def dial(self, address: str, port: int) -> tuple[str, int]:
        return SERVER, port


@contextlib.asynccontextmanager
async def relaying() -> AsyncIterator[asyncio.Event]:
    network = Elsewhere("127.244.0.0/16", (), LowPorts(0, has_capability=True))
    changed = asyncio.Event()
    place = HostPlace(lambda address, port: (address, port))
    task = asyncio.create_task(OutsideRelays(CONFIG, network).serve(place, changed))
    try:
        yield changed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await settled()


async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection(ADDRESS, PORT)
            await asyncio.sleep(0.01)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_bytes_go_both_ways_until_both_ends_have_finished() -> None:
    async with await asyncio.start_server(echo, SERVER, PORT), relaying(), asyncio.timeout(PATIENCE):
        reader, writer = await connect()
        writer.write(b"x" * 300_000)
        writer.write_eof()
        assert await reader.read() == b"x" * 300_000
        writer.close()


async def test_a_server_that_is_not_there_is_a_reset() -> None:
    async with relaying(), asyncio.timeout(PATIENCE):
        reader, writer = await connect()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()


async def test_another_network_gets_the_relays_again() -> None:
    async with await asyncio.start_server(echo, SERVER, PORT), relaying() as changed, asyncio.timeout(PATIENCE):
        for _ in range(2):
            reader, writer = await connect()
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            changed.set()
            while changed.is_set():
                await asyncio.sleep(0)


async def test_an_address_that_cannot_be_bound_is_said_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    taken = await asyncio.start_server(echo, ADDRESS, PORT)
    async with taken, relaying(), asyncio.timeout(PATIENCE):
        while not caplog.records:
            await asyncio.sleep(0.01)
    assert caplog.records[0].getMessage().startswith(f"{ADDRESS}:{PORT} cannot be reached in the cluster's network: ")


def test_only_hosts_with_a_server_are_relayed_at_their_addresses_in_the_cluster() -> None:
    hosts = (ExternalHost("a.com", "10.65.40.20", page="hello"), ExternalHost("b.com", "10.65.40.21"))
    proxy = ProxySettings(healthz_bind_address="", metrics_bind_address="")
    config = ClusterConfiguration(external_hosts=hosts, plan=AddressPlan(is_exact=True), proxy=proxy)
    assert [*OutsideRelays(config, LoopbackNetwork.of(config)).served] == [("10.65.40.20", 80)]


def test_the_proxy_s_own_servers_answer_as_on_a_node() -> None:
    config = ClusterConfiguration()
    nodes = {(each.address, 10256): ("127.0.0.1", 10256) for each in config.nodes}
    assert nodes
    assert OutsideRelays(config, LoopbackNetwork.of(config)).served == {
        ("127.0.0.1", 10256): ("127.0.0.1", 10256),
        ("127.0.0.1", 10249): ("127.0.0.1", 10249),
        **nodes,
    }
