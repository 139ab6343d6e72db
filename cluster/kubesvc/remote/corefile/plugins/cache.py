"""Reads ``cache`` (CoreDNS ``plugin/cache/setup.go``), which is for names outside the cluster. Pure."""

from __future__ import annotations

from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.model import Cache
from kubesvc.remote.corefile.names import ROOT
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.options import Options, read_options
from kubesvc.remote.corefile.values import Words

MAX_FAILURE = 300.0
"""Seconds for which a SERVFAIL may be kept (RFC 2308)."""

_MOST = 1_000_000_000
_STALE = "remove it: no reply is given out that is older than its TTL"


def _success(plugin: Cache, words: Words) -> Cache:
    words.count(1, 3, "a capacity, and maybe the highest and lowest TTL")
    return plugin._replace(
        success_capacity=words.number(plugin.success_capacity, 0, _MOST),
        success_ttl=words.number(plugin.success_ttl, 1, _MOST, at=1),
        success_least=words.number(plugin.success_least, 0, _MOST, at=2),
    )


def _denial(plugin: Cache, words: Words) -> Cache:
    words.count(1, 3, "a capacity, and maybe the highest and lowest TTL")
    return plugin._replace(
        denial_capacity=words.number(plugin.denial_capacity, 0, _MOST),
        denial_ttl=words.number(plugin.denial_ttl, 1, _MOST, at=1),
        denial_least=words.number(plugin.denial_least, 0, _MOST, at=2),
    )


def _failure(plugin: Cache, words: Words) -> Cache:
    seconds = words.one_duration(plugin.failure_ttl)
    if seconds > MAX_FAILURE:
        words.fault("must be at most 5m, as RFC 2308 demands")
    return plugin._replace(failure_ttl=seconds)


def _disable(plugin: Cache, words: Words) -> Cache:
    kind = words.args[0].text if words.args else ""
    if kind not in ("success", "denial"):
        words.fault("takes success or denial, and maybe zones")
        return plugin
    zones = words.zones(1) or (ROOT,)
    return plugin._replace(success_disabled=zones) if kind == "success" else plugin._replace(denial_disabled=zones)


_OPTIONS = Options[Cache](
    honoured={"success": _success, "denial": _denial, "servfail": _failure, "disable": _disable},
    idle={"prefetch": "a reply is asked for again when it is wanted again"},
    refused={
        "serve_stale": _STALE,
        "serve_stale_policy": _STALE,
        "keepttl": "remove it: TTLs are counted down, as clients expect",
    },
)


def read(stanza: Stanza, notes: Notes) -> Cache:
    """Read the stanza: ``cache [ttl] [zones...]``."""
    words = Words(stanza.name, stanza.args, notes)
    has_ttl = bool(stanza.args) and stanza.args[0].text.lstrip("-").isdecimal()
    plugin = Cache(stanza.name, words.zones(int(has_ttl)))
    if has_ttl:
        ttl = words.number(plugin.success_ttl, 1, _MOST)
        plugin = plugin._replace(success_ttl=ttl, denial_ttl=ttl)
    return read_options(stanza, plugin, _OPTIONS, notes)
