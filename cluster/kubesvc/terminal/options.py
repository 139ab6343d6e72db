"""What the user asked of `kubesvc up`; nothing else, so that the command line may import it at no cost."""

from __future__ import annotations

from dataclasses import dataclass

from kubesvc.state.directory import StateDirectory


@dataclass(frozen=True)
class Order:
    """The arguments. ``timeout`` is in seconds, 0 waits for ever."""

    paths: tuple[str, ...]
    state: StateDirectory
    is_detached: bool
    timeout: float
    is_watching: bool
    proxy_workers: int | None = None
    """How many processes carry the traffic; None leaves that to the configuration."""
    is_merging: bool = False
    """Whether the cluster goes into the user's own kubeconfig while it runs."""
