"""Reads what sandboxes need of this machine, and what they can use: tried in namespaces that end at once."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kubehost.io.allowance import Refusal, ask_child, enter_new_namespaces, try_namespaces
from kubehost.io.cgroups import Delegation, find_delegation
from kubehost.io.namespaces import mount
from kubehost.io.netlink import NETLINK_NETFILTER, NetlinkSocket
from kubehost.io.rtnetlink import VethEnd, new_veth
from kubehost.netlink import ACK, Message
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubesvc.network.pasta import pasta_error
from kubesvc.run.machine.sandboxmode import read_switches

_NFT_GETGEN = 10 << 8 | 16
"""linux/netfilter/nfnetlink.h, nf_tables.h: which generation of rules there is."""
_MACS = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"


@dataclass(frozen=True)
class Abilities:
    """``refusal`` is None where namespaces are allowed; the texts say why something does not work, "" if it does."""

    refusal: Refusal | None = None
    switches: Mapping[str, str] = field(default_factory=dict)
    veth: str = ""
    nf_tables: str = ""
    overlay: str = ""
    proc: str = ""
    cgroup: str = ""
    pasta: str = ""
    has_subordinate_ids: bool = True


def read_abilities() -> Abilities:
    """Try everything."""
    refusal = try_namespaces()
    inside: dict[str, str] = {}
    if refusal is None:
        with suppress(ValueError):
            inside = json.loads(ask_child(_try_inside))
    return Abilities(
        refusal,
        read_switches(),
        **inside,
        cgroup=_cgroup_error(find_delegation()),
        pasta=pasta_error(),
        has_subordinate_ids=_has_subordinate_ids(),
    )


def _try_inside() -> bytes:
    attempts = {"veth": _try_veth, "nf_tables": _try_nf_tables, "overlay": _try_overlay, "proc": _try_proc}
    for _ in enter_new_namespaces():
        pass
    return json.dumps({name: _error_of(attempt) for name, attempt in attempts.items()}).encode()


def _error_of(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _try_veth() -> None:
    one, other = (VethEnd(f"kubesvc{number}", 10 + number, mac) for number, mac in enumerate(_MACS))
    with Path("/proc/self/ns/net").open() as here, closing(NetlinkSocket()) as netlink:
        netlink.request([new_veth(one, other, here.fileno())])


def _try_nf_tables() -> None:
    header = struct.pack("!BBH", socket.AF_UNSPEC, 0, 0)
    with closing(NetlinkSocket(NETLINK_NETFILTER)) as netlink:
        netlink.request([Message(_NFT_GETGEN, ACK, header, "nf_tables")])


def _try_overlay() -> None:
    mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 - in a mount namespace of its own
    for name in ("lower", "upper", "work", "merged"):
        Path("/tmp", name).mkdir()  # noqa: S108
    mount("overlay", "/tmp/merged", "overlay", options="lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work")  # noqa: S108


def _try_proc() -> None:
    # The first child is process 1 of the new PID namespace, which /proc is to show.
    said = ask_child(lambda: _error_of(lambda: mount("proc", "/proc", "proc")).encode())
    if said:
        raise OSError(0, said.decode())


def _cgroup_error(delegation: Delegation) -> str:
    """Return why no limits of resources can be set, or not all."""
    missing = sorted(LIMITED_RESOURCES.difference(delegation.controllers))
    return delegation.why_not or (f"{delegation.folder} has no controller for {', '.join(missing)}" if missing else "")


def _has_subordinate_ids() -> bool:
    """Tell whether this user has further ids for the users of containers (subuid(5)), or is root."""
    if os.geteuid() == 0:
        return True
    owners = {str(os.geteuid()), os.environ.get("USER", ""), os.environ.get("LOGNAME", "")} - {""}
    try:
        lines = Path("/etc/subuid").read_text().splitlines()
    except OSError:
        return False
    return shutil.which("newuidmap") is not None and any(each.partition(":")[0] in owners for each in lines)
