"""Reads a Corefile: its server blocks with their plugins, or every fault at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubeapi.similar import did_you_mean
from kubesvc.remote.corefile.catalogue import NOT_SERVED, READERS, SEVERAL
from kubesvc.remote.corefile.grammar import Block, Files, Stanza, read_blocks
from kubesvc.remote.corefile.model import Server
from kubesvc.remote.corefile.names import DNS, Key, read_key
from kubesvc.remote.corefile.notes import Notes
from kubesvc.remote.corefile.tokens import Token


def read_corefile(text: str, file: str, files: Files, environ: Mapping[str, str], notes: Notes) -> tuple[Server, ...]:
    """Return the server blocks; CorefileError for a mistake of the grammar, other faults are noted."""
    return tuple(_server(each, notes) for each in read_blocks(text, file, files, environ))


def _server(block: Block, notes: Notes) -> Server:
    keys = tuple(key for each in block.keys for key in _key(each, notes))
    return Server(block.keys[0], keys, tuple(_plugins(block, notes)))


def _key(token: Token, notes: Notes) -> Iterator[Key]:
    try:
        key = read_key(token.text)
    except ValueError as error:
        notes.fault(token, str(error), 'write it like ".:53" or "example.org"')
        return
    if key.scheme != DNS:
        notes.fault(
            token, f"{token.text}: clients are answered by plain DNS alone", f"write {token.text.split('//')[1]}"
        )
    yield key


def _plugins(block: Block, notes: Notes) -> Iterator[object]:
    seen: set[str] = set()
    for stanza in block.stanzas:
        name = stanza.name.text
        if name in seen and name not in SEVERAL:
            notes.fault(stanza.name, f"{name} is there already in this block", "keep one of the two")
        elif name in READERS:
            yield READERS[name](stanza, notes)
        else:
            _refuse(stanza, notes)
        seen.add(name)


def _refuse(stanza: Stanza, notes: Notes) -> None:
    name, known = stanza.name.text, ", ".join(READERS)
    if name in NOT_SERVED:
        what = f"the plugin {name} is not served by kubesvc dns, and what it does would be missing"
        notes.fault(stanza.name, what, f"remove it, or run CoreDNS; known here: {known}")
    else:
        hint = did_you_mean(name, READERS)
        notes.fault(stanza.name, f"unknown plugin {name!r}", f"{hint} " * bool(hint) + f"known here: {known}")
