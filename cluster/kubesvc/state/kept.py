"""What a cluster keeps of the options of its starts: its address plan, and whether its pods have sandboxes.

Two small text files of its state directory; a file that cannot be read is as one that is not there.
"""

from __future__ import annotations

from pathlib import Path

from kubesvc.addresses.plan import BLOCKS, USUAL, AddressPlan
from kubesvc.state.directory import StateDirectory

_EXACT = "exact"


def kept_plan(state: StateDirectory) -> AddressPlan:
    """Return the plan that a cluster was given at its first start."""
    words = _read(_plan_file(state)).split()
    numbers = [int(each) for each in words if each.isdecimal() and int(each) in BLOCKS]
    return AddressPlan(next(iter(numbers), 0), _EXACT in words)


def has_own_plan(state: StateDirectory) -> bool:
    """Tell whether a cluster may have another plan than the usual one."""
    return _plan_file(state).exists()


def keep_plan(state: StateDirectory, plan: AddressPlan) -> None:
    """Store a cluster's plan; only the owner of the lock may call this. OSError."""
    if plan == USUAL:
        _plan_file(state).unlink(missing_ok=True)
    else:
        words = [str(plan.block)] if plan.block else []
        _plan_file(state).write_text(f"{' '.join([*words, _EXACT] if plan.is_exact else words)}\n")


def kept_sandbox(state: StateDirectory) -> str:
    """Return what ``--sandbox`` was at the last start that had it, "" if none had."""
    return _read(_sandbox_file(state)).strip()


def keep_sandbox(state: StateDirectory, wanted: str) -> None:
    """Store ``--sandbox``; only the owner of the lock may call this. OSError."""
    _sandbox_file(state).write_text(f"{wanted}\n")


def _plan_file(state: StateDirectory) -> Path:
    return state.path / "addresses"


def _sandbox_file(state: StateDirectory) -> Path:
    return state.path / "sandbox"


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
