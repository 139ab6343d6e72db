"""Reads ``hosts`` (CoreDNS ``plugin/hosts/setup.go``), and files in the form of hosts(5). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from errno import EFBIG, EINVAL

from kubeapi.validation.addresses import parse_address
from kubedns.names import wire_of
from kubesvc.remote.corefile.grammar import Files, Option, Stanza
from kubesvc.remote.corefile.model import Hosts
from kubesvc.remote.corefile.names import ROOT
from kubesvc.remote.corefile.notes import CorefileError, Notes
from kubesvc.remote.corefile.options import Options, read_options
from kubesvc.remote.corefile.values import Words

_OPTIONS = Options[Hosts](
    honoured={
        "fallthrough": lambda plugin, words: plugin._replace(fallthrough=words.zones() or (ROOT,)),
        "no_reverse": lambda plugin, words: plugin._replace(has_reverse=not words.flag()),
        "ttl": lambda plugin, words: plugin._replace(ttl=words.one_number(plugin.ttl, 1, 65535)),
        "reload": lambda plugin, words: plugin._replace(reload_seconds=words.one_duration(plugin.reload_seconds)),
    },
    refused={"fallthrough_unsupported": "remove it: a name of hosts has no records of other types"},
)


def read(stanza: Stanza, notes: Notes) -> Hosts:
    """Read the stanza: ``hosts [file [zones...]]`` with lines of addresses and names."""
    words = Words(stanza.name, stanza.args, notes)
    lines: list[Option] = []
    others: list[Option] = []
    for option in stanza.options:
        (lines if parse_address(option.name.text) is not None else others).append(option)
    entries: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if not line.args:
            notes.fault(line.name, f"hosts: {line.name.text} has no name")
        for each in line.args:
            if not _is_name(each.text):
                notes.fault(each, f"hosts: {each.text!r} is no name")
            else:
                _add(entries, each.text, line.name.text)
    plugin = Hosts(stanza.name, zones=words.zones(1), entries=entries)
    if stanza.args:
        plugin = plugin._replace(file=stanza.args[0].text)
    return read_options(stanza._replace(options=tuple(others)), plugin, _OPTIONS, notes)


def read_hosts_file(text: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a hosts file with their addresses; lines that are none are passed over, as CoreDNS does."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and parse_address(words[0].partition("%")[0]) is not None:
            for name in filter(_is_name, words[1:]):
                _add(found, name, words[0].partition("%")[0])
    return found


def names_of_file(plugin: Hosts, files: Files) -> dict[str, tuple[str, ...]]:
    """Return the names of a hosts file, none if it is not there, as in CoreDNS; CorefileError if it is no such file."""
    try:
        return read_hosts_file(files.read(plugin.file))
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno in (EFBIG, EINVAL):
            message = f"{plugin.at.place}: hosts: {plugin.file}: {error.strerror}; name a hosts file"
            raise CorefileError((message,)) from error
        return {}


def merged(several: Iterable[Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    """Return the names of all, each with all its addresses."""
    found: dict[str, tuple[str, ...]] = {}
    for each in several:
        for name, addresses in each.items():
            for address in addresses:
                _add(found, name, address)
    return found


def _add(entries: dict[str, tuple[str, ...]], name: str, address: str) -> None:
    name = name.lower().removesuffix(".")
    if address not in entries.get(name, ()):
        entries[name] = (*entries.get(name, ()), address)


def _is_name(text: str) -> bool:
    try:
        wire_of(text)
    except (ValueError, UnicodeEncodeError):
        return False
    return True
