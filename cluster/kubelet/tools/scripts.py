"""The scripts in front of a bare pod's PATH: nslookup, dig, curl, wget, nc, getent, hostname and agnhost. Pure.

Such a pod is a process without a resolv.conf and without a network of its own; in a sandbox the real tools run. So
programs ask the machine's name server, which knows nothing of the cluster, and what they send comes from 127.0.0.1,
which is on no node. The scripts stand in for the tools that people try first; each only runs the real one with more
arguments, so that it finds the cluster's names and sends from its pod's address: there traffic enters at the pod's
node. (nslookup cannot choose its source.) Any other program binds ``$POD_IP`` itself, or is outside the cluster.

Each is a file beside this one, in which ``@dig@`` stands for the path of dig and so on, and ``#include`` for a part
that several have: ``resolver.sh`` is the C library's resolver in a few lines of shell (resolv.conf(5): a name with a
trailing dot is asked as it is, one with fewer than ``ndots`` dots in the domains of the search list first; only the
first name server is asked), and ``address_of.sh`` looks into the hosts file before it, as in most nsswitch.conf(5).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

TOOLS = ("nslookup", "dig", "curl", "getent", "nc")
"""Programs of this machine that a script stands in for, if they are installed."""
OWN_TOOLS = ("bash", "busybox", "coredns", "etcd", "sample-apiserver")
"""Programs of this machine that run under their own names for programs of an image."""
_NEEDS = {
    "nslookup": ("nslookup",),
    "dig": ("dig",),
    "curl": ("curl", "dig"),
    "getent": ("getent", "dig"),
    "wget": ("curl", "dig"),
    "nc": ("nc", "dig"),
    "hostname": (),
    "agnhost": ("python", "sources"),
}
_FOLDER = Path(__file__).parent
_INCLUDE = re.compile(r"^#include (\S+)\n", re.MULTILINE)
_WORD = re.compile(r"@([a-z]+)@")
_SHELLS = ("sh", "bash", "dash", "ash")
_AGNHOST_PATH = re.compile(r"(?<![\w./~-])/agnhost(?![\w./-])")


class ClusterDNS(NamedTuple):
    """The cluster's DNS server, and the zone of its names (the kubelet's clusterDNS and clusterDomain)."""

    address: str
    port: int
    domain: str


def tool_scripts(found: Mapping[str, str], dns: ClusterDNS, port_shift: int) -> dict[str, str]:
    """Return the scripts that this machine has the programs for; ``found`` are the programs' paths.

    ``python`` and ``sources`` (of this package) among them give agnhost. ``port_shift`` is how far ports below 1024
    have moved.
    """
    own = {"netcat": _python_script(found, "kubelet.servers.netcat")} if "nc" not in found and "python" in found else {}
    found = {"nc": "netcat", **found} if own else found
    words = {**found, "address": dns.address, "port": dns.port, "domain": dns.domain, "shift": port_shift}
    scripts = {
        name: _filled(f"{name}.sh", words) for name, needed in _NEEDS.items() if all(each in found for each in needed)
    }
    return scripts | own


def image_programs(family: str, found: Mapping[str, str]) -> dict[str, str]:
    """Return the scripts that an image of a family, agnhost or busybox, brings into a sandbox, by their paths.

    ``found`` has ``python`` and ``sources``. Where this machine has no nc it is our own; so is agnhost's iperf always,
    as distributions have older ones, whose reports have fewer columns. Its coredns is the machine's own, or else the
    module ``nameserver``, if ``found`` has either.
    """
    nc = {} if "nc" in found else {"/usr/bin/nc": _python_script(found, "kubelet.servers.netcat")}
    if family != "agnhost":
        return nc
    agnhost, iperf = (_python_script(found, module) for module in ("kubelet.servers sandbox", "kubelet.servers.iperf"))
    return {"/agnhost": agnhost, "/agnhost-2": agnhost, "/usr/local/bin/iperf": iperf, **_coredns(found), **nc}


def _coredns(found: Mapping[str, str]) -> dict[str, str]:
    if program := found.get("coredns"):
        return {"/coredns": f'#!/bin/sh\nexec {shlex.quote(program)} "$@"\n'}
    if module := found.get("nameserver"):
        return {"/coredns": _python_script(found, module, options="")}
    return {}


def node_scripts(found: Mapping[str, str], nodes: Sequence[str]) -> dict[str, str]:
    """Return the scripts in front of the PATH of sandboxed pods in the network that all ``nodes`` (addresses) share.

    A cluster of one node needs none: there the kernel's choice of a source is always right.
    """
    if len(nodes) < 2:
        return {}
    words = {"nc": "netcat", **found, "nodes": " ".join(nodes)}
    own = {"netcat": _python_script(found, "kubelet.servers.netcat")} if "nc" not in found else {}
    return own | {name: _filled(f"node_{name}.sh", words) for name in ("curl", "nc") if name in words}


def _filled(name: str, words: Mapping[str, object]) -> str:
    """Return a script with its words."""
    quoted = {word: shlex.quote(str(text)) for word, text in words.items()}
    return _WORD.sub(lambda match: quoted[match[1]], _read(name))


def _python_script(found: Mapping[str, str], module: str, options: str = "-S -s ") -> str:
    """Return a script that runs a module of these sources with its arguments; ``options`` are those of Python."""
    python, sources = shlex.quote(found["python"]), shlex.quote(found["sources"])
    return f'#!/bin/sh\nexec env PYTHONPATH={sources} {python} {options}-m {module} "$@"\n'


@cache
def _read(name: str) -> str:
    return _INCLUDE.sub(lambda match: _read(match[1]), (_FOLDER / name).read_text())


def with_agnhost_on_path(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command with ``/agnhost``, the path that its image has it at, replaced by ``agnhost`` on the PATH.

    It may be the command itself or stand in the script of a shell, as in ``sh -c "/agnhost connect web:80"``.
    """
    match argv:
        case ("/agnhost", *rest):
            return ("agnhost", *rest)
        case (shell, option, script, *rest) if PurePosixPath(shell).name in _SHELLS and option.endswith("c"):
            return (shell, option, _AGNHOST_PATH.sub("agnhost", script), *rest)
    return argv
