"""Reads Corefiles in tests, beside files that exist only there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from posixpath import dirname, join

from kubesvc.remote.corefile.composing import Composed, compose
from kubesvc.remote.corefile.notes import CorefileError, Notes
from kubesvc.remote.corefile.reading import read_corefile

KUBEADM = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""
"""The Corefile of kubeadm (cmd/kubeadm/app/phases/addons/dns/manifests.go of Kubernetes 1.37)."""


class TextFiles:
    """Files by their paths."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = {"/etc/resolv.conf": "nameserver 192.0.2.53\n", **(texts or {})}

    def match(self, pattern: str, beside: str) -> Sequence[str]:
        """The paths that a pattern names."""
        return sorted(each for each in self.texts if fnmatch(each, join(dirname(beside), pattern)))

    def read(self, path: str) -> str:
        """The text of a file."""
        if path not in self.texts:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.texts[path]


def composed(text: str, files: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None) -> Composed:
    """The settings of a Corefile, which must have no warnings."""
    notes = Notes()
    found = _compose(text, files, environ, notes)
    assert notes.warnings == []
    return found


def warnings(text: str) -> list[str]:
    """The warnings about a Corefile."""
    notes = Notes()
    _compose(text, None, None, notes)
    return notes.warnings


def faults(text: str, files: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a Corefile."""
    try:
        _compose(text, files, None, Notes())
    except CorefileError as error:
        return list(error.faults)
    return []


def _compose(text: str, files: Mapping[str, str] | None, environ: Mapping[str, str] | None, notes: Notes) -> Composed:
    there = TextFiles(files)
    return compose(read_corefile(text, "Corefile", there, environ or {}, notes), there, notes)
