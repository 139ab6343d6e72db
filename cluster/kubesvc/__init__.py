"""The composition root: it imports every component, and no component imports it.

``run_cluster`` starts a cluster from Python. The nouns to know: ``ClusterConfiguration`` (what the user may set),
``Cluster`` (a running cluster), ``Run`` (which starts and stops it), ``StateDirectory`` (where a cluster lies on disk)
and the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubesvc.version import __version__

if TYPE_CHECKING:
    from kubesvc.run.embedding import run_cluster

__all__ = ["__version__", "run_cluster"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that the command line starts fast.
    if name != "run_cluster":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from kubesvc.run.embedding import run_cluster

    return run_cluster
