"""ComponentStatuses: the parts of the control plane, which all are in this process and work if it answers. Pure.

Follows pkg/registry/core/componentstatus/rest.go; the Store stands for etcd.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapiserver.catalog import COMPONENT_STATUSES

_COMPONENTS = ("controller-manager", "etcd-0", "scheduler")


def component_statuses(namespace: str) -> Iterator[JSON]:
    """Yield the status of each component."""
    del namespace
    for name in _COMPONENTS:
        yield {
            "kind": COMPONENT_STATUSES.kind,
            "apiVersion": COMPONENT_STATUSES.api_version,
            "metadata": {"name": name},
            "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
        }
