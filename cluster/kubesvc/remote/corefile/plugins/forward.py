"""Reads ``forward`` (CoreDNS ``plugin/forward/setup.go``): plain DNS only, over UDP and TCP. Pure."""

from __future__ import annotations

from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.model import Forward
from kubesvc.remote.corefile.names import ROOT, read_zones
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.options import Options, read_options
from kubesvc.remote.corefile.tokens import Token
from kubesvc.remote.corefile.values import Words, read_upstream

MAX_UPSTREAMS = 15
_MANY = 1_000_000
_CONNECTIONS = "each question has a socket of its own, so that its port is as random as its id"
_TLS = "remove it: upstreams are asked by plain DNS"
_ANOTHER = "remove it: the first upstream that replies is believed"


def _excluded(plugin: Forward, words: Words) -> Forward:
    if not words.args:
        words.fault("takes at least one domain")
    return plugin._replace(excluded=(*plugin.excluded, *words.zones()))


def _health_check(plugin: Forward, words: Words) -> Forward:
    if not words.args:
        words.fault("takes a duration")
    if len(words.args) > 1:
        words.fault("not served by kubesvc dns", "give the duration alone: upstreams are asked for the root's servers")
    return plugin._replace(probe_interval=words.seconds(plugin.probe_interval))


_OPTIONS = Options[Forward](
    honoured={
        "except": _excluded,
        "policy": lambda plugin, words: plugin._replace(
            policy=words.choice(plugin.policy, ("random", "round_robin", "sequential"))
        ),
        "max_concurrent": lambda plugin, words: plugin._replace(max_concurrent=words.one_number(0, 0, _MANY)),
        "max_fails": lambda plugin, words: plugin._replace(max_fails=words.one_number(2, 0, _MANY)),
        "health_check": _health_check,
        "read_timeout": lambda plugin, words: plugin._replace(read_timeout=words.one_duration(2.0, least=0.001)),
        "force_tcp": lambda plugin, words: plugin._replace(is_tcp_only=words.flag()),
    },
    idle={
        "prefer_udp": "upstreams are asked over UDP, and again over TCP where a client of TCP needs the whole reply",
        "expire": _CONNECTIONS,
        "max_age": _CONNECTIONS,
        "max_idle_conns": _CONNECTIONS,
        "max_connect_attempts": "all upstreams are tried, for five seconds together",
    },
    refused={
        "tls": _TLS,
        "tls_servername": _TLS,
        "doh_method": _TLS,
        "resolver": "write the upstreams' addresses",
        "source_address": "remove it: the machine's routes choose the address",
        "next": _ANOTHER,
        "next_on_nodata": _ANOTHER,
        "failover": _ANOTHER,
        "failfast_all_unhealthy_upstreams": "remove it: where all are down, one is tried",
    },
)


def read(stanza: Stanza, notes: Notes) -> Forward:
    """Read the stanza."""
    words = Words(stanza.name, stanza.args, notes)
    if len(stanza.args) < 2:
        words.fault("takes a domain and at least one upstream", "for all names: forward . 192.0.2.53")
    domain = _domain(words)
    servers = tuple(each for each in stanza.args[1:] if _is_upstream(each, notes))
    if len(servers) > MAX_UPSTREAMS:
        words.fault(f"has {len(servers)} upstreams, more than {MAX_UPSTREAMS}")
    return read_options(stanza, Forward(stanza.name, domain, servers), _OPTIONS, notes)


def _domain(words: Words) -> str:
    if not words.args:
        return ROOT
    try:
        zones = read_zones(words.args[0].text)
    except ValueError as error:
        words.fault(str(error))
        return ROOT
    if len(zones) > 1:
        words.fault(f"{words.args[0].text} is {len(zones)} reverse zones", f"write a forward for each: {zones[0]} ...")
    return zones[0]


def is_file(text: str) -> bool:
    """Tell whether the name of an upstream is that of a file in the form of resolv.conf."""
    return "/" in text and "://" not in text


def _is_upstream(token: Token, notes: Notes) -> bool:
    scheme, separator, _ = token.text.partition("://")
    if is_file(token.text) or read_upstream(token.text) is not None:
        return True
    if not token.text:
        notes.fault(token, "forward: an upstream is empty", "set the variable that is written there, as in {$UPSTREAM}")
    elif separator and scheme in ("tls", "quic", "https", "grpc"):
        notes.fault(token, f"forward: {token.text}: upstreams are not asked over {scheme.upper()}", "write its address")
    else:
        notes.fault(token, f"forward: {token.text!r} is neither an IP address nor a file", "write it like 192.0.2.53")
    return False
