"""Judges what a machine allows for sandboxes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubesvc.doctor.abilities import Abilities
from kubesvc.doctor.finding import Check
from kubesvc.run.machine.sandboxmode import explain_refusal

_GROUP = "sandboxes"
_SUBORDINATE_IDS = (
    'sudo apt-get install uidmap; sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"'
)


class _Ability(NamedTuple):
    """What ``works`` with it, and what does not ``without``."""

    name: str
    works: str
    without: str
    remedy: str


_NF_TABLES = _Ability(
    "nf_tables",
    "Services can be rules of the kernel (proxy: {mode: nftables})",
    "Services cannot be rules of the kernel, and the userspace proxy carries all traffic",
    "sudo modprobe nf_tables",
)
_OVERLAY = _Ability(
    "overlay",
    "volumes can be mounted below folders of root (overlay)",
    "volumes cannot be mounted below folders that this user may not write",
    "sudo modprobe overlay",
)
_PROC = _Ability(
    "proc",
    "containers see their own processes (/proc)",
    "containers see the processes of the machine, as /proc cannot be mounted",
    "docker run --security-opt systempaths=unconfined   (in a container)",
)
_CGROUP = _Ability(
    "cgroup",
    "resources of containers can be limited (cgroup v2)",
    "resources of containers are not limited",
    "systemd-run --user --scope -p Delegate=yes kubesvc up ...   (as root without --user; such a cluster ends when you "
    "log out, unless you have said `loginctl enable-linger`)",
)
_INTERNET = _Ability(
    "internet",
    "pods reach the internet (pasta)",
    "pods do not reach the internet",
    "sudo apt-get install passt; sudo chmod 0666 /dev/net/tun",
)


def check_sandboxes(abilities: Abilities, *, are_required: bool = False) -> Iterator[Check]:
    """Whether pods can have namespaces of their own, and what works in them; some configurations require them."""
    if abilities.refusal is not None:
        why, remedy = explain_refusal(abilities.refusal, abilities.switches)
        message = f"pods are processes of this machine without networks of their own (sandbox: none): {why}"
        if are_required:
            message = f"this configuration needs sandboxes, and the cluster cannot start: {why}"
        yield Check(_GROUP, "namespaces", "fail" if are_required else "warn", message, remedy)
        return
    message = "namespaces may be made: pods can have networks and file systems of their own (sandbox: namespaces)"
    yield Check(_GROUP, "namespaces", "ok", message)
    yield from _check_kernel(abilities)
    yield from _check_extras(abilities)


def _check_kernel(abilities: Abilities) -> Iterator[Check]:
    """Judge what the kernel has: without veth no sandbox works, without the rest something does not."""
    if abilities.veth:
        message = f"the kernel makes no veth, so that sandboxes cannot have networks: {abilities.veth}"
        yield Check(_GROUP, "veth", "fail", message, "sudo modprobe veth")
    else:
        yield Check(_GROUP, "veth", "ok", "pods can be connected (veth)")
    yield _judged(_NF_TABLES, abilities.nf_tables)
    yield _judged(_OVERLAY, abilities.overlay)
    yield _judged(_PROC, abilities.proc)


def _check_extras(abilities: Abilities) -> Iterator[Check]:
    yield _judged(_CGROUP, abilities.cgroup)
    yield _judged(_INTERNET, abilities.pasta)
    if abilities.has_subordinate_ids:
        yield Check(_GROUP, "users", "ok", "containers can run as other users (runAsUser)")
    else:
        message = "this user has no subordinate ids: containers run as root of their namespace alone (runAsUser)"
        yield Check(_GROUP, "users", "warn", message, _SUBORDINATE_IDS)


def check_mode(mode: str, why: str, remedy: str, internet: str) -> Iterator[Check]:
    """Say which mode the running cluster has, and why its pods do not reach the internet (``internet``)."""
    if mode != "namespaces":
        yield Check("cluster", "sandboxes", "ok", f"its pods have no networks of their own: {why}", remedy)
        return
    yield Check("cluster", "sandboxes", "ok", f"its pods have networks of their own: {why}")
    if internet:
        yield Check("cluster", "internet", "warn", f"its pods do not reach the internet: {internet}")


def _judged(ability: _Ability, error: str) -> Check:
    if error:
        return Check(_GROUP, ability.name, "warn", f"{ability.without}: {error}", ability.remedy)
    return Check(_GROUP, ability.name, "ok", ability.works)
