"""What a running cluster says of itself when somebody asks why: `kubesvc explain`, `trace` and `connections`.

Thin: brings the Store, the proxy and the name server to the pure parts that answer, and changes nothing.
"""

from __future__ import annotations

from typing import Any

from kubeapi.store import Store
from kubeproxy.server import ProxyServer
from kubesvc.explain.explaining import explain_service, find_service


class Diagnosis:
    """Answers for one cluster. A question that cannot be answered is a StatusError whose text says why."""

    def __init__(self, store: Store, proxy: ProxyServer) -> None:
        self._store = store
        self._proxy = proxy

    def explain(self, namespace: str, name: str) -> dict[str, Any]:
        """Return why a Service works or does not (see ``explain``)."""
        service = find_service(self._store, namespace, name)
        return explain_service(self._store, self._proxy.rules, self._proxy.listeners(), service)
