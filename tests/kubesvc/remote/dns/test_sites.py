"""What the HTTP servers of `kubesvc dns` say, with a name server that is as the test has it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.helpers.kubedns.server import serving
from tests.helpers.kubesvc.corefile import KUBEADM, composed

from kubeapi.scheme import NAMESPACES, SERVICES
from kubeclient.listwatch.freshness import Freshness
from kubesvc.remote.dns.places import cannot_bind, everywhere, places_text
from kubesvc.remote.dns.sites import Reloads, Sites

NOW = 100.0
KNOWN = {NAMESPACES: Freshness(99.0), SERVICES: Freshness(87.5, "connection refused")}


@asynccontextmanager
async def sites() -> AsyncIterator[Sites]:
    """The servers of kubeadm's Corefile, as the API server has gone away."""
    async with serving() as served:
        yield Sites(served.server, lambda: KNOWN, lambda: NOW, lambda: Reloads(2, "abc"))


async def say(found: Sites, path: str) -> tuple[int, str]:
    answers = {path: answer for site in found.of(composed(KUBEADM)) for path, answer in site.answers.items()}
    status, _, text = await answers[path]()
    return status, text


async def test_health_is_well_and_says_how_old_the_knowledge_is() -> None:
    async with sites() as found:
        assert await say(found, "/health") == (200, "OK")
        said = "ok\nnamespaces: in touch\nservices: last heard of 12.5 s ago: connection refused\n"
        assert await say(found, "/healthz") == (200, said)
        found.freshness = lambda: {SERVICES: Freshness(None, "401 Unauthorized")}
        assert await say(found, "/healthz") == (200, "ok\nservices: never heard of: 401 Unauthorized\n")


async def test_it_is_ready_until_it_stops() -> None:
    async with sites() as found:
        assert await say(found, "/ready") == (200, "OK")
        found.is_stopping = True
        assert await say(found, "/ready") == (503, "Shutting down")


async def test_metrics_have_coredns_names() -> None:
    async with sites() as found:
        status, text = await say(found, "/metrics")
    assert status == 200
    for line in (
        "coredns_reload_failed_total 2.0",
        'coredns_reload_version_info{hash="sha512",value="abc"} 1.0',
        "coredns_cache_entries 0.0",
        'kubesvc_dns_knowledge_age_seconds{resource="services"} 12.5',
    ):
        assert re.search(f"^{re.escape(line)}$", text, re.MULTILINE), text


async def test_each_plugin_has_its_address() -> None:
    async with sites() as found:
        assert {site.address for site in found.of(composed(KUBEADM))} == {
            *everywhere(("", 8080)),
            *everywhere(("", 8181)),
            *everywhere(("", 9153)),
        }


def test_places_are_told_as_they_are_written() -> None:
    assert everywhere(("192.0.2.1", 53)) == (("192.0.2.1", 53),)
    assert everywhere(("", 53))[0] == ("0.0.0.0", 53)
    assert places_text((("192.0.2.1", 53), ("::1", 5353))) == "192.0.2.1:53, [::1]:5353"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (PermissionError(13, "no"), "ports below 1024 are root's: give another by --listen"),
        (OSError(98, "no"), "another name server has it"),
        (OSError(99, "no"), "it is no address of this machine"),
        (OSError(97, "no"), "name other addresses"),
    ],
)
def test_an_address_that_cannot_be_bound_has_a_remedy(error: OSError, remedy: str) -> None:
    assert cannot_bind(error).startswith(f"no; {remedy}")
