"""One command of agnhost as it is called, and what the plans of several commands share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal


class Invocation(NamedTuple):
    """One command of agnhost: its flags, the place where it runs, and its environment."""

    flags: dict[str, str]
    host: ServerHost
    environment: Mapping[str, str]


def dialling(host: ServerHost) -> dict[str, Any]:
    """Return what a client in the pod must know: how far low ports have moved, and which DNS server to ask."""
    return {"shift": host.shift, "dns": list(host.dns) if host.dns else None}


def no_flag(flags: Mapping[str, str], known: frozenset[str] | set[str]) -> ServerPlan | None:
    """Return the refusal of a flag that the command does not have, None if it has them all."""
    unknown = flags.keys() - known
    return plan_refusal(f"Error: unknown flag: --{min(unknown)}", 1) if unknown else None


def bad_flag(flags: Mapping[str, str], name: str) -> ServerPlan:
    """Return the refusal of a flag's value."""
    return plan_refusal(f'Error: invalid argument "{flags[name]}" for "--{name}" flag', 1)
