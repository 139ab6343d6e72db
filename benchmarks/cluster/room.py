"""What a run of `make bench-cluster` has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster.controlplane import ControlPlane
from benchmarks.cluster.peers import Beside


@dataclass(frozen=True)
class Room:
    """What a run has: programs, a folder, and how much of each work."""

    programs: Mapping[str, str]
    folder: Path
    services: int = 10_000
    endpoints: int = 10
    rounds: int = 3
    change_seconds: int = 60
    seconds: int = 5
    """Of DNS load, or of new connections, in a trial."""

    def beside(self, plane: ControlPlane, cache: str = "") -> Beside:
        """Return what the peers have in common."""
        return Beside(plane, self.programs, self.folder, cache=cache)
