"""The configuration of `kubesvc dns`: a Corefile and the files that it names, or what the command line says."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kubedns.config import read_resolv_conf
from kubehost.addresses import Address
from kubehost.io.namedfiles import read_named_text
from kubesvc.remote.corefile.composing import Composed, compose
from kubesvc.remote.corefile.notes import CorefileError, Notes
from kubesvc.remote.corefile.reading import read_corefile

COMMAND_LINE = "command line"
"""The file of faults in what the command line says."""

_RESOLV_CONF = "/etc/resolv.conf"
_PLAIN = """.:53 {{
    errors
    kubernetes {zone} in-addr.arpa ip6.arpa {{
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }}
    {forward}
    cache 30 {{
        disable success {zone}
        disable denial {zone}
    }}
    loop
    loadbalance
}}
"""
"""kubeadm's Corefile without its HTTP servers, which are for a pod."""


class DNSOptions(NamedTuple):
    """The options of `kubesvc dns`; "", () and None where the command line says nothing."""

    kubeconfig: str = ""
    context: str = ""
    config: str = ""
    zone: str | None = None
    upstreams: tuple[str, ...] = ()
    listen: tuple[Address, ...] = ()


class DiskFiles:
    """Reads the files of a Corefile, and remembers what they said."""

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}
        self._matches: dict[tuple[str, str], Sequence[str]] = {}

    def match(self, pattern: str, beside: str) -> Sequence[str]:
        """Return the files that a pattern names, in order; a relative one is relative to the file ``beside``."""
        found = self._matches[pattern, beside] = _match(pattern, beside)
        return found

    def read(self, path: str, *, takes_pipes: bool = False) -> str:
        """Return the text of a file; OSError, UnicodeDecodeError."""
        self._texts[path] = None
        text = self._texts[path] = read_named_text(path, takes_pipes=takes_pipes)
        if Path(path).is_fifo():
            del self._texts[path]  # a pipe says nothing a second time
        return text

    def have_changed(self) -> bool:
        """Tell whether any file says something else now, or another file is there."""
        return any(_match(*each) != found for each, found in self._matches.items()) or any(
            _text(path) != text for path, text in self._texts.items()
        )


class Configuration(NamedTuple):
    """What was read, the files that it was read from, and warnings for the user."""

    composed: Composed
    files: DiskFiles
    warnings: tuple[str, ...]


def read_configuration(options: DNSOptions, environ: Mapping[str, str], files: DiskFiles) -> Configuration:
    """Read the configuration anew; CorefileError. ``files`` knows then what was read, even if that is refused."""
    notes = Notes()
    if options.config:
        text, name = _corefile(options.config, files), options.config
    else:
        text, name = _plain(options, files), COMMAND_LINE
    servers = read_corefile(text, name, files, environ, notes)
    notes.check()
    return Configuration(compose(servers, files, notes, options.listen), files, tuple(notes.warnings))


def _corefile(path: str, files: DiskFiles) -> str:
    try:
        return files.read(path, takes_pipes=True)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CorefileError((f"--config {path} cannot be read: {reason}",)) from error


def _plain(options: DNSOptions, files: DiskFiles) -> str:
    """Return the Corefile that the command line stands for. Without any name server, other names are not asked for."""
    upstreams = " ".join(options.upstreams)
    if not upstreams and _has_name_server(files):
        upstreams = _RESOLV_CONF
    forward = f"forward . {upstreams} {{\n max_concurrent 1000\n }}" if upstreams else ""
    return _PLAIN.format(zone=options.zone or "cluster.local", forward=forward)


def _has_name_server(files: DiskFiles) -> bool:
    try:
        return bool(read_resolv_conf(files.read(_RESOLV_CONF)))
    except (OSError, UnicodeDecodeError):
        return False


def _match(pattern: str, beside: str) -> Sequence[str]:
    return sorted(glob.glob(os.path.join(os.path.dirname(beside), pattern)))  # noqa: PTH118, PTH120, PTH207  of text


def _text(path: str) -> str | None:
    try:
        return read_named_text(path, takes_pipes=False)
    except (OSError, UnicodeDecodeError):
        return None
