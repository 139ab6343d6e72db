"""Numbers: thousands of idle connections, thousands of Services.

IP plan: Service 127.97.4.1, endpoint 127.245.4.1, port 22080.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.helpers.kubeproxy import echo_endpoint
from tests.helpers.kubeproxy.cluster import cluster, connect, service, slice_of, until
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey, key_of
from kubeproxy.proxier import Proxier

VIP, A, PORT = "127.97.4.1", "127.245.4.1", 22080
IDLE = 5000


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Room for a client's, an accepted and an upstream socket per idle connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * IDLE + 500
    if soft < wanted:
        assert hard >= wanted, f"needs {wanted} file descriptors, the hard limit is {hard} (ulimit -Hn)"
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def echo_process() -> AsyncIterator[None]:
    """Run the echo endpoint."""
    program = str(echo_endpoint.__file__)
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, A, str(PORT), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.usefixtures("many_descriptors")
async def test_five_thousand_idle_connections_stay_and_harm_nobody() -> None:
    objects = (service(cluster_ip=VIP, port=PORT), slice_of("web", [A], port=PORT))
    async with echo_process(), cluster(*objects) as c:
        before = resident_bytes()
        with ExitStack() as clients:
            idle = [clients.enter_context(await connect(VIP, PORT)) for _ in range(IDLE)]
            await until(lambda: c.plane.connections() == IDLE)
            assert (resident_bytes() - before) / IDLE < 8 * 1024
            loop = asyncio.get_running_loop()
            for client in (idle[0], idle[IDLE // 2], idle[-1]):
                await loop.sock_sendall(client, b"still here")
                assert await asyncio.wait_for(loop.sock_recv(client, 100), PATIENCE) == b"still here"
        await until(lambda: c.plane.connections() == 0)
        assert c.plane.counters.active == 0


def test_one_change_among_thousands_of_services_leaves_the_others_rules_as_they_are() -> None:
    proxier = Proxier()
    for number in range(2000):
        name = f"web-{number}"
        proxier.services.update(ObjectKey("default", name), service(name, f"127.97.{number // 250}.{number % 250}"))
        made = slice_of(name, [A])
        proxier.endpoints.update(key_of(made), made)
    before = proxier.sync().rules
    changed = slice_of("web-7", [A, "127.245.4.2"])
    proxier.endpoints.update(key_of(changed), changed)
    sync = proxier.sync()
    assert [name.name for name in sync.ports] == ["web-7"]
    assert sync.rules.claims is before.claims
    assert [name.name for name, rule in sync.rules.ports.items() if before.ports[name] is not rule] == ["web-7"]
