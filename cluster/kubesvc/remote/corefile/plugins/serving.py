"""Reads the plugins about the server itself, such as health, ready, reload and bind, and those without settings.

Each follows the ``setup.go`` of CoreDNS' plugin of its name. Pure.
"""

from __future__ import annotations

from kubeapi.validation.addresses import parse_address
from kubesvc.remote.corefile.grammar import Stanza
from kubesvc.remote.corefile.model import Bind, Health, Plain, Prometheus, Ready, Reload, Transfer
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.options import Options, read_options
from kubesvc.remote.corefile.values import Words

MIN_RELOAD = 2.0
"""Seconds (CoreDNS ``plugin/reload``)."""


def read_health(stanza: Stanza, notes: Notes) -> Health:
    """Read ``health [ADDRESS] { lameduck DURATION }``."""
    words = Words(stanza.name, stanza.args, notes)
    words.count(0, 1, "at most one address")
    options = Options[Health](
        honoured={"lameduck": lambda plugin, words: plugin._replace(lameduck=words.one_duration(0.0))}
    )
    plugin = Health(stanza.name)
    return read_options(stanza, plugin._replace(address=words.site(plugin.address)), options, notes)


def read_ready(stanza: Stanza, notes: Notes) -> Ready:
    """Read ``ready [ADDRESS] { monitor until-ready|continuously }``."""
    words = Words(stanza.name, stanza.args, notes)
    words.count(0, 1, "at most one address")
    kinds = ("until-ready", "continuously")
    options = Options[Ready](
        honoured={
            "monitor": lambda plugin, words: plugin._replace(is_continuous=words.choice(kinds[0], kinds) == kinds[1])
        }
    )
    plugin = Ready(stanza.name)
    return read_options(stanza, plugin._replace(address=words.site(plugin.address)), options, notes)


def read_prometheus(stanza: Stanza, notes: Notes) -> Prometheus:
    """Read ``prometheus [ADDRESS]``."""
    words = Words(stanza.name, stanza.args, notes)
    words.count(0, 1, "at most one address")
    options = Options[Prometheus](
        idle={"runtime_metrics": "they are those of Go"}, refused={"tls": "metrics are served by plain HTTP"}
    )
    plugin = Prometheus(stanza.name)
    return read_options(stanza, plugin._replace(address=words.site(plugin.address)), options, notes)


def read_reload(stanza: Stanza, notes: Notes) -> Reload:
    """Read ``reload [INTERVAL] [JITTER]``; there is one process, so that jitter spreads nothing."""
    words = Words(stanza.name, stanza.args, notes)
    words.count(0, 2, "at most an interval and its jitter")
    plugin = Reload(stanza.name)
    words.seconds(0.0, at=1)
    return read_options(
        stanza, plugin._replace(interval=words.seconds(plugin.interval, least=MIN_RELOAD)), Options[Reload](), notes
    )


def read_bind(stanza: Stanza, notes: Notes) -> Bind:
    """Read ``bind ADDRESS...``; names of interfaces and exceptions are refused."""
    words = Words(stanza.name, stanza.args, notes)
    if not stanza.args:
        words.fault("takes at least one address")
    for each in stanza.args:
        if parse_address(each.text) is None:
            words.fault(f"{each.text!r} is no IP address", "write the addresses of an interface: ip -br addr show")
    options = Options[Bind](refused={"except": "write the addresses that remain"})
    return read_options(stanza, Bind(stanza.name, tuple(each.text for each in stanza.args)), options, notes)


def _to(plugin: Transfer, words: Words) -> Transfer:
    if [each.text for each in words.args] != ["*"]:
        words.fault("transfers are for any client that asks, and nobody is notified", "write it as: to *")
    return plugin


def read_transfer(stanza: Stanza, notes: Notes) -> Transfer:
    """Read ``transfer [ZONES...] { to * }``."""
    words = Words(stanza.name, stanza.args, notes)
    if not any(each.name.text == "to" for each in stanza.options):
        words.fault("says to nobody", "add the option: to *")
    options = Options[Transfer](honoured={"to": _to}, refused={"source": "remove it: nobody is notified"})
    return read_options(stanza, Transfer(stanza.name, words.zones()), options, notes)


def read_errors(stanza: Stanza, notes: Notes) -> Plain:
    """Read ``errors [stdout]``: failures go to standard error anyway, each kind once."""
    words = Words(stanza.name, stanza.args, notes)
    if [each.text for each in stanza.args] not in ([], ["stdout"]):
        words.fault(f"takes stdout or nothing, not {stanza.args[0].text!r}")
    alike = "equal errors are reported once, then after 128, 256, 512 ..."
    options = Options[Plain](idle={"consolidate": alike, "stacktrace": "an unforeseen error has its traceback anyway"})
    return read_options(stanza, Plain(stanza.name), options, notes)


def read_loadbalance(stanza: Stanza, notes: Notes) -> Plain:
    """Read ``loadbalance [round_robin]``: addresses are shuffled anyway."""
    words = Words(stanza.name, stanza.args, notes)
    if [each.text for each in stanza.args] not in ([], ["round_robin"]):
        words.fault("not served by kubesvc dns", "write it alone: addresses come in random order")
    options = Options[Plain](refused={"prefer": "remove it: addresses come in random order"})
    return read_options(stanza, Plain(stanza.name), options, notes)


def read_log(stanza: Stanza, notes: Notes) -> Plain:
    """Read ``log [...] { class ... }``, which is accepted without effect."""
    Words(stanza.name, (), notes).warn("accepted without effect: queries are counted at /metrics, not logged")
    return Plain(stanza.name)


def read_plain(stanza: Stanza, notes: Notes) -> Plain:
    """Read ``loop`` or ``debug``: a loop is refused when it is seen, and there is no more to say than is said."""
    words = Words(stanza.name, stanza.args, notes)
    words.flag()
    return read_options(stanza, Plain(stanza.name), Options[Plain](), notes)
