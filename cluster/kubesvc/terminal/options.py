"""The options of `kubesvc up`; no more, so that the command line may import this file at no cost."""

from __future__ import annotations

from dataclasses import dataclass

from kubesvc.state.directory import StateDirectory


@dataclass(frozen=True)
class UpOptions:
    """What the user wrote after `up`. ``timeout`` is in seconds, 0 waits for ever."""

    paths: tuple[str, ...]
    state: StateDirectory
    is_detached: bool
    timeout: float
    is_watching: bool
    proxy_workers: int | None = None
    """How many processes carry the traffic; None leaves that to the configuration."""
    subnets: str | None = None
    """``auto``, ``default``, or None for what the cluster had before (see ``run.subnets``)."""
    is_merging: bool = False
    """Whether the user's own kubeconfig gets the cluster while it runs."""
