"""The options of `kubesvc up`, in a file of their own, which is cheap to import."""

from __future__ import annotations

from typing import NamedTuple

from kubesvc.state.directory import StateDirectory


class UpOptions(NamedTuple):
    """The arguments of `kubesvc up`. ``timeout`` is in seconds, 0 waits for ever."""

    paths: tuple[str, ...]
    state: StateDirectory
    is_detached: bool
    timeout: float
    is_watching: bool
    proxy_workers: int | None = None
    """How many processes carry the traffic; None leaves that to the configuration."""
    proxy_mode: str | None = None
    """``userspace`` or ``nftables``; None leaves that to the configuration."""
    subnets: str | None = None
    """``auto``, ``default``, or None for what the cluster had before (see ``run.subnets``)."""
    is_exact: bool = False
    """Whether the addresses of the cluster are as written (the exact plan); False leaves that to the configuration."""
    sandbox: str | None = None
    """``auto``, ``namespaces``, ``none``, or None for what the configuration or the last start says."""
    has_host_routes: bool = False
    """Whether this machine itself gets routes to the addresses of the exact plan; root alone may."""
    is_merging: bool = False
    """Whether the cluster's context is added to the user's own kubeconfig while it runs."""
