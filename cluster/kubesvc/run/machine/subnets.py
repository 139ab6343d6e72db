"""Address ranges of a cluster's own (``--subnets auto``): chosen, and held against all other clusters of this machine.

A block is held by an abstract Unix socket of its name. The kernel gives a name to one process, frees it when that
process ends however it ends, and has one set of names for each network namespace, as it has one 127.0.0.0/8 for each.
Which block a cluster has is kept in its state directory, so that it has the same addresses at its next start.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from kubehost.addresses import is_loopback
from kubeproxy.portowner import find_owners, read_sockets
from kubesvc.addresses.plan import BLOCKS, OCTETS, USUAL, AddressPlan
from kubesvc.state.directory import StateDirectory
from kubesvc.state.kept import kept_plan
from kubesvc.state.owners import neighbours, owner_name

AUTO, DEFAULT = "auto", "default"
"""What ``--subnets`` can be: a block of the cluster's own, or the addresses that the configuration says."""

_NAME = "kubesvc/addresses/{}"


class SubnetsError(ValueError):
    """The cluster cannot get its address ranges; the text gives the reason and the remedy."""


class Claim:
    """The address plan of a cluster, and the socket that holds its block; a context that releases the block."""

    def __init__(self, plan: AddressPlan = USUAL, held: socket.socket | None = None) -> None:
        self.plan = plan
        self._held = held

    def __enter__(self) -> Claim:
        """Return the claim; the block is held already."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Release the block."""
        if self._held is not None:
            self._held.close()


def claim(state: StateDirectory, subnets: str | None = None, *, is_exact: bool = False) -> Claim:
    """Return the plan of a cluster that is to start, its block held; SubnetsError.

    ``subnets`` is AUTO, DEFAULT or None for what the cluster had before. A plan stays as it is once there are objects.
    """
    kept = kept_plan(state)
    claimed = _claim_block(state, subnets, kept)
    claimed.plan = claimed.plan._replace(is_exact=is_exact or kept.is_exact)
    try:
        check_kept(state, claimed.plan)
    except SubnetsError:
        with claimed:
            raise
    return claimed


def check_kept(state: StateDirectory, plan: AddressPlan) -> None:
    """Raise SubnetsError if the cluster has objects of earlier runs with addresses of the other kind of plan."""
    kept = kept_plan(state)
    if kept.is_exact == plan.is_exact or not state.database.exists():
        return
    before, asked = ("exact addresses", "loopback") if kept.is_exact else ("addresses in 127.0.0.0/8", "exact")
    message = (
        f'cluster "{state.name}" has objects of earlier runs with {before}, and the {asked} plan is asked for; '
        f"`kubesvc down --purge{state.option}` deletes them; then it can have the other plan"
    )
    raise SubnetsError(message)


def _claim_block(state: StateDirectory, subnets: str | None, kept: AddressPlan) -> Claim:
    has_objects = state.database.exists()
    if has_objects and subnets and (subnets == AUTO) != bool(kept.block):
        before = f"--subnets {AUTO}" if kept.block else "the addresses of its configuration"
        message = (
            f'cluster "{state.name}" has objects of earlier runs at {before}; '
            f"`kubesvc down --purge{state.option}` deletes them; then it can get others"
        )
        raise SubnetsError(message)
    if kept.block and subnets != DEFAULT:
        return _claim_kept(state, kept)
    return _claim_free(state) if subnets == AUTO else Claim()


def _claim_kept(state: StateDirectory, plan: AddressPlan) -> Claim:
    held = _hold(plan.block)
    if held is not None:
        return Claim(plan, held)
    message = (
        f'the addresses of cluster "{state.name}", 127.{plan.block}.0.0 to 127.{plan.block + OCTETS - 1}.255.255, '
        f"were given to {_holder(state, plan.block)} while it did not run: stop that one, or forget this one with "
        f"`kubesvc down --purge{state.option}` and start it again with --subnets {AUTO}"
    )
    raise SubnetsError(message)


def _claim_free(state: StateDirectory) -> Claim:
    """Return a claim of the first free block. Blocks of stopped clusters of this user are used last."""
    kept = {kept_plan(each).block for each in neighbours(state)}
    bound = set(_bound_octets())
    for block in sorted(BLOCKS, key=lambda each: each in kept):
        if bound.isdisjoint(range(block, block + OCTETS)) and (held := _hold(block)) is not None:
            return Claim(AddressPlan(block), held)
    message = f"all {len(BLOCKS)} address ranges for --subnets {AUTO} are in use: stop a cluster"
    raise SubnetsError(message)


def _bound_octets() -> Iterator[int]:
    """Yield the second octets of 127.0.0.0/8 that have a bound socket."""
    for each in read_sockets(("tcp", "udp")):
        if is_loopback(each.address):
            yield int(each.address.split(".")[1])


def _hold(block: int) -> socket.socket | None:
    """Return a socket that holds a block, None if another cluster holds it."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(f"\0{_NAME.format(block)}")
    except OSError as error:
        held.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return held


def _holder(state: StateDirectory, block: int) -> str:
    """Return what to call the process that holds a block."""
    wanted = f"@{_NAME.format(block)}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/unix").read_text(errors="replace").splitlines():
            fields = line.split()
            if fields[-1] == wanted and (owners := find_owners({fields[6]})):
                return owner_name(state, next(iter(owners.values())))
    return "another cluster"
