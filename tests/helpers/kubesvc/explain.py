"""A cluster on paper that is complete enough to explain: with the real slices and the real rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.helpers.kubeapi.objects import deployment, pod
from tests.helpers.kubesvc.ground import add_node, ground
from tests.helpers.objects import build_endpoint, build_slice

from kubeapi.events import EventRecorder
from kubeapi.meta import JSON, ObjectKey, key_of, labels_of, matches_labels
from kubeapi.objects.service import read_service
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, NODES, PODS, SERVICES
from kubecontroller.change import Create
from kubecontroller.service.endpointslice import Topology, reconcile
from kubecontroller.service.podendpoints import has_endpoints
from kubeproxy.plane import ListenerStatus
from kubeproxy.proxier import Conflict, Proxier
from kubeproxy.rules import Rules
from kubesvc.why.explain.explaining import Observed, explain_service
from kubesvc.why.lookup import find_service

NODE_ADDRESSES = {"node-1": "127.171.0.101", "node-2": "127.171.0.102"}


def ready_pod(name: str, *, node: str = "node-1", containers: list[JSON] | None = None) -> JSON:
    """Return a pod with app=web that a kubelet would find ready."""
    spec = {"containers": containers} if containers else {}
    return pod(name, metadata={"labels": {"app": "web"}}, nodeName=node, **spec)


class Paper:
    """Objects as the components would leave them; nothing runs."""

    def __init__(self) -> None:
        self.registry = ground()
        self._addresses = 0
        self._seconds = 0.0
        for name, address in NODE_ADDRESSES.items():
            add_node(self.registry, name, address)

    def service(self, obj: JSON) -> JSON:
        return self.registry.create(SERVICES, obj)

    def deployment(self, name: str, labels: Mapping[str, str], *, replicas: int) -> JSON:
        made = deployment(name, replicas=replicas, selector={"matchLabels": dict(labels)})
        made["spec"]["template"]["metadata"]["labels"] = dict(labels)
        return self.registry.create(DEPLOYMENTS, made)

    def pod(self, obj: JSON, *, is_deleted: bool = False, **status: Any) -> JSON:
        """Create a pod; it runs and is ready, as far as ``status`` does not say otherwise."""
        namespace = obj["metadata"].get("namespace", "default")
        if self.registry.store.find(NAMESPACES, ObjectKey("", namespace)) is None:
            self.registry.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        created = self.registry.create(PODS, obj)
        self._addresses += 1
        address = f"127.250.{self._addresses}.1"
        is_ready = not (status.get("containerStatuses") or status.get("conditions"))
        whole = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": str(is_ready)}],
            **status,
        }
        reported = self.registry.update_status(PODS, {**created, "status": whole})
        return self.registry.delete(PODS, *key_of(reported), DeleteOptions(30)) if is_deleted else reported

    def slice(self, service: str, address: str, *, is_ready: bool = True, **fields: Any) -> JSON:
        made = build_slice(f"{service}-by-hand", service, [build_endpoint(address, ready=is_ready)], **fields)
        return self.registry.create(ENDPOINTSLICES, made)

    def event(self, about: JSON, reason: str, message: str) -> None:
        """Record a warning, each a second after the one before."""
        self._seconds += 1
        EventRecorder(self.registry, "test", clock=lambda: 1e9 + self._seconds).event(about, "Warning", reason, message)

    def rules(self) -> Rules:
        """Return what the proxy makes of it all."""
        self._reconcile()
        proxier = Proxier()
        store = self.registry.store
        for resource, tracker in (
            (SERVICES, proxier.services),
            (ENDPOINTSLICES, proxier.endpoints),
            (NODES, proxier.nodes),
        ):
            for obj in store.list(resource):
                tracker.update(key_of(obj), obj)
        for obj in store.list(PODS):
            proxier.endpoints.update_pod(key_of(obj), obj)
        return proxier.sync().rules

    def explain(self, name: str = "web", *, errors: Mapping[str, str] | None = None, **known: Any) -> dict[str, Any]:
        """Return the explanation of a Service; ``errors`` are those of the addresses that cannot be bound."""
        rules = self.rules()
        listeners = [each for rule in rules.ports.values() for each in _statuses(rules, rule, errors or {})]
        service = find_service(self.registry.store, "default", name)
        return explain_service(self.registry.store, service, Observed(rules, listeners, **known))

    def texts(self, name: str = "web") -> list[str]:
        return [each["text"] for each in self.explain(name)["findings"]]

    def problems(self, name: str = "web") -> list[str]:
        return [each["text"] for each in self.explain(name)["findings"] if each["weight"] == "problem"]

    def _reconcile(self) -> None:
        store = self.registry.store
        for obj in store.list(SERVICES):
            service = read_service(obj)
            own = [
                each
                for each in store.list(ENDPOINTSLICES, service.key.namespace)
                if labels_of(each).get("kubernetes.io/service-name") == service.key.name
            ]
            if not has_endpoints(obj) or own:
                continue
            pods = [
                each
                for each in store.list(PODS, service.key.namespace)
                if matches_labels(service.selector, labels_of(each))
            ]
            changes = reconcile(obj, pods, Topology(lambda name: store.find(NODES, ObjectKey("", name))), [])
            for change in changes:
                if isinstance(change, Create):
                    self.registry.create(ENDPOINTSLICES, change.obj)


def _statuses(rules: Rules, rule: Any, errors: Mapping[str, str]) -> list[ListenerStatus]:
    found = []
    for destination, kind in rule.destinations:
        owner, service = rules.claims[destination][0].port_name, rule.service_port.name
        error = errors.get(destination.address, "")
        if owner != service:
            error = str(Conflict(destination, owner, service))
        found.append(
            ListenerStatus(
                address=destination.address,
                port=destination.port,
                requested_port=destination.port,
                protocol=destination.protocol,
                kind=kind,
                port_name=service,
                is_bound=not error,
                error=error,
                host_address=destination.address,
            )
        )
    return found
