"""Which upstreams a name has: from the order of ``forward`` plugins in a block to the longest domain. Pure.

CoreDNS asks the first ``forward`` of the name's block whose domain the name is in, unless it is excepted. A domain is
written down here for every place where that answer changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kubedns import config
from kubehost.addresses import Address
from kubesvc.remote.corefile.model import Cache, Forward, Server
from kubesvc.remote.corefile.names import is_in, narrower
from kubesvc.remote.corefile.notes import Notes

Resolve = Callable[[Forward], tuple[Address, ...]]
"""Returns the addresses of the upstreams, those in files too."""


def compose_forwards(servers: Iterable[Server], resolve: Resolve, notes: Notes) -> dict[str, config.Forward]:
    """Return the upstreams by domain, for ``DNSConfig.forwards``."""
    found: dict[str, config.Forward] = {}
    for server in servers:
        forwards, cache = server.every(Forward), server.one(Cache)
        addresses = {each: resolve(each) for each in forwards}
        _warn_of_unreached(forwards, notes)
        for zone in server.zones:
            for domain in _domains(zone, forwards, cache):
                asked = next((each for each in forwards if _is_for(each, domain)), None)
                retention = _retention(cache, server, domain)
                found[domain] = config.Forward() if asked is None else _settings(asked, addresses[asked], retention)
    return found


def _domains(zone: str, forwards: Sequence[Forward], cache: Cache | None) -> list[str]:
    """Return the domains in a zone, itself first, from which on other upstreams are asked or replies kept."""
    named = [domain for each in forwards for domain in (each.domain, *each.excluded)]
    narrow = [narrower(each, zone) for each in (*named, *(cache.zones if cache is not None else ()))]
    return list(dict.fromkeys((zone, *filter(None, narrow))))


def _is_for(forward: Forward, domain: str) -> bool:
    return is_in(domain, forward.domain) and not any(is_in(domain, each) for each in forward.excluded)


def _retention(cache: Cache | None, server: Server, domain: str) -> config.Retention | None:
    if cache is None or not any(is_in(domain, each) for each in cache.zones or server.zones):
        return None
    return config.Retention(
        success_capacity=cache.success_capacity,
        success_ttl=cache.success_ttl,
        success_least=cache.success_least,
        denial_capacity=cache.denial_capacity,
        denial_ttl=cache.denial_ttl,
        denial_least=cache.denial_least,
        failure_ttl=cache.failure_ttl,
        unkept_successes=cache.success_disabled,
        unkept_denials=cache.denial_disabled,
    )


def _settings(asked: Forward, servers: tuple[Address, ...], retention: config.Retention | None) -> config.Forward:
    return config.Forward(
        servers=servers,
        policy=asked.policy,
        max_concurrent=asked.max_concurrent,
        max_fails=asked.max_fails,
        probe_interval=asked.probe_interval,
        timeout=asked.read_timeout,
        is_tcp_only=asked.is_tcp_only,
        retention=retention,
    )


def _warn_of_unreached(forwards: Sequence[Forward], notes: Notes) -> None:
    for index, each in enumerate(forwards):
        if any(_is_for(earlier, each.domain) for earlier in forwards[:index]):
            what = f"forward: an earlier one is asked for all names in {each.domain}, so that this one never is"
            notes.warn(each.at, what, "write it before that one")
