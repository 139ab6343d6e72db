"""agnhost's no-snat-test: a pod asks others which address they see, itself or by a proxy."""

from __future__ import annotations

import pytest
from tests.helpers.kubelet.builtins import ADDRESS, BuiltinHost, get

NODE = "127.246.10.2"
UNEXPECTED = "SNAT to unexpected ip (possible SNAT through unexpected interface on the way into another node)"


async def start(host: BuiltinHost, pod: str = ADDRESS, node: str = NODE) -> None:
    """Run both in a pod that believes to have these addresses."""
    await host.serve("agnhost", "no-snat-test", env={"POD_IP": pod, "NODE_IP": node})
    await host.serve("agnhost", "no-snat-test-proxy")


async def test_a_server_says_what_it_sees(host: BuiltinHost) -> None:
    await start(host)
    status, said = await get("/whoami")
    assert (status, said.rpartition(":")[0]) == (200, "127.0.0.1")


async def test_a_pod_whose_address_everybody_sees_answers_well(host: BuiltinHost) -> None:
    await start(host)
    assert await get(f"/checknosnat?ips={ADDRESS}:8080,{ADDRESS}:8080") == (200, "")
    assert await get(f"/checknosnat?target={ADDRESS}:8080&ips={ADDRESS}:8080", 31235) == (200, "")


@pytest.mark.parametrize(
    ("pod", "node", "what"),
    [
        ("127.246.10.9", NODE, f'!= my Pod ip "127.246.10.9" or my Node ip "{NODE}" - {UNEXPECTED}'),
        ("127.246.10.9", ADDRESS, f'!= my Pod ip "127.246.10.9", == my Node ip "{ADDRESS}" - SNAT'),
    ],
)
async def test_another_address_is_told_by_both(host: BuiltinHost, pod: str, node: str, what: str) -> None:
    await start(host, pod, node)
    said = (500, f'Returned ip "{ADDRESS}" {what}')
    assert await get(f"/checknosnat?ips={ADDRESS}:8080") == said
    assert await get(f"/checknosnat?target={ADDRESS}:8080&ips={ADDRESS}:8080", 31235) == said


async def test_servers_that_cannot_be_asked_are_named(host: BuiltinHost) -> None:
    await start(host)
    refused = f'Get "http://{ADDRESS}:9/whoami": dial tcp {ADDRESS}:9: connect: connection refused'
    nobody = 'Get "http:///whoami": http: no Host in request URL'
    assert await get(f"/checknosnat?ips={ADDRESS}:9,") == (500, f"{refused}, {nobody}")
    url = f"http://{ADDRESS}:1234/checknosnat?ips=a"
    assert await get(f"/checknosnat?target={ADDRESS}:1234&ips=a", 31235) == (
        500,
        f'error querying "{url}", err: Get "{url}": dial tcp {ADDRESS}:1234: connect: connection refused',
    )


async def test_a_web_page_may_not_have_a_pod_ask(host: BuiltinHost) -> None:
    await start(host)
    assert (await get("/checknosnat?ips=127.0.0.1:8080", headers="Origin: http://example.com\r\n"))[0] == 403
    assert (await get("/else"))[0] == 404
