"""Why a node may not run a pod (fwk.Status). Pure."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """The reasons, in the scheduler's words; ``is_final`` if the node's pods have nothing to do with them.

    Of such a node no pod is removed to make room (UnschedulableAndUnresolvable).
    """

    reasons: tuple[str, ...]
    is_final: bool = False


def final(reason: str) -> Refusal:
    """Return a refusal that no removal of pods could change."""
    return Refusal((reason,), is_final=True)


def resolvable(reason: str) -> Refusal:
    """Return a refusal that pods of the node are the reason of."""
    return Refusal((reason,))
