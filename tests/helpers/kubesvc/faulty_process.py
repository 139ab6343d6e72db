"""`kubesvc` with a fault in every handler of every component, for the objects that ask for it.

An object with the label ``fault`` breaks whatever reads it at the stage that the label names; everything else is the
product as it is. ``WHO`` says which component must be heard of for which stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubeapi.io.informer import Informer
from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.scheme import PODS, SERVICES, Resource
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubeapiserver.handlers.reading import Reading
from kubecontroller.controllers import new_controllers
from kubecontroller.io import controllermanager
from kubedns.handler import Handler
from kubedns.types import Query
from kubelet.runtime.pods.containers import PodContainers
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.workers import PodWorkers
from kubelet.runtime.prober.tcp import TCPSocket
from kubeproxy.proxier import Proxier
from kubeproxy.server.servicehealthserver import ServiceHealthServer
from kubeproxy.userspace import dataplane
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.listeners import Listeners
from kubeproxy.userspace.tcp.io.end import End
from kubeproxy.userspace.tcp.io.front import TcpFront
from kubescheduler.io import scheduler

HANDLER = "handler"
"""Of every informer, for objects of every kind."""
HANDLERS_OF = {
    "Namespace": {"kube-controller-manager", "namespace-controller", "garbage-collector-controller", "kube-dns"},
    "Node": {"kubelet", "kube-proxy", "default-scheduler", "pod-garbage-collector-controller"},
    "ConfigMap": {"kubelet", "garbage-collector-controller"},
    "Service": {"kube-proxy", "kube-dns", "kubelet", "service-controller", "endpoint-slice-controller"},
    "Endpoints": {"endpoint-slice-mirroring-controller", "endpoint-controller"},
    "EndpointSlice": {"kube-proxy", "kube-dns", "endpoint-slice-controller"},
    "Pod": {"kubelet", "default-scheduler", "replicaset-controller", "endpoint-slice-controller"},
    "ReplicaSet": {"replicaset-controller", "deployment-controller"},
    "Deployment": {"deployment-controller"},
}
"""Some of those that hear of each kind."""
STAGES = {
    "reconcile": ("Service", "endpoint-slice-controller"),
    "schedule": ("Pod", "default-scheduler"),
    "admit": ("Pod", "kubelet"),
    "container": ("Pod", "kubelet (container main)"),
    "status": ("Pod", "kubelet (status)"),
    "probe": ("Pod", "kubelet (readiness probe of main)"),
    "rules": ("Service", "kube-proxy (rules)"),
    "plane": ("Service", "kube-proxy (data plane)"),
    "socket": ("Service", "kube-proxy (sockets)"),
    "health": ("Service", "kube-proxy (health checks)"),
}
"""Of one component each: the kind of the object, and who must be heard of."""
REQUESTS = {
    "connection": "kube-proxy failed at an event of End",
    "query": "kube-dns failed at answering a query",
    "request": "kube-apiserver failed at GET /api/v1/namespaces/default/configmaps/request",
    "sink": "store failed at telling of",
    "reaper": "kube-proxy failed at looking for half-closed connections",
    "compaction": "kubesvc failed at forgetting old versions",
}
"""Faults of no object, by what is to be asked for (a name), with the problem."""

_store: list[Store] = []


class Boom(Exception):
    """A fault that nobody foresaw."""


def asks_for(stage: str, obj: JSON | None) -> bool:
    """Tell whether an object has the fault."""
    return obj is not None and labels_of(obj).get("fault") == stage


def _stored(resource: Resource, key: ObjectKey) -> JSON | None:
    return _store[0].find(resource, key) if _store else None


def _break(owner: Any, name: str, is_wanted: Callable[..., bool]) -> None:
    """Have a function raise when its arguments ask for it."""
    whole = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if is_wanted(*args, **kwargs):
            raise Boom(name)
        return whole(*args, **kwargs)

    setattr(owner, name, broken)


def _break_informers() -> None:
    add_handler = Informer.add_handler

    def add_broken(self: Informer, component: str, handler: Any, after: Any = None) -> None:
        def handle(delta: Delta) -> None:
            if asks_for(HANDLER, delta.new):
                raise Boom(HANDLER)
            handler(delta)

        add_handler(self, component, handle, after)

    Informer.add_handler = add_broken  # type: ignore[method-assign]  # what this is for


def _break_controllers() -> None:
    make = new_controllers

    def made(*args: Any) -> Sequence[Any]:
        found = make(*args)
        for each in found:
            of = each.resource
            _break(each, "reconcile", lambda key, _, of=of: of is not None and asks_for("reconcile", _stored(of, key)))
        return found

    controllermanager.new_controllers = made  # type: ignore[assignment, attr-defined]  # what this is for


def _is_of(stage: str, service: ObjectKey) -> bool:
    return asks_for(stage, _stored(SERVICES, service))


def break_everything() -> None:
    """Put the faults in."""
    init = Store.__init__

    def noted(self: Store, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        _store[:] = [self]

    Store.__init__ = noted  # type: ignore[method-assign]  # what this is for
    _break_informers()
    _break_controllers()
    _break(scheduler, "schedule", lambda pod, *_: asks_for("schedule", pod))
    _break(PodWorkers, "_admit", lambda _, pod: asks_for("admit", pod))
    _break(PodContainers, "_plan", lambda self, _: asks_for("container", _stored(PODS, self._pod.spec.key)))
    _break(PodObject, "write_status", lambda self, *_: asks_for("status", _stored(PODS, self.spec.key)))
    _break(TCPSocket, "attempt", lambda self, *_: self.port == 6666)
    _break(Proxier, "_port_rules", lambda _, service, __: _is_of("rules", service))
    _break(DataPlane, "_apply", lambda _, service, __: _is_of("plane", service.service))
    _break(Listeners, "_open", lambda _, listener: _is_of("socket", listener.port_name.service))
    _break(ServiceHealthServer, "_update", lambda _, service: _is_of("health", service))
    _break(End, "on_event", lambda self, _: _is_of("connection", self.connection.record.route.port_name.service))
    _break(Handler, "answer", lambda _, query: isinstance(query, Query) and b"query" in query.labels)
    _break(Reading, "get", lambda _, request: request.name == "request")
    _break(TcpFront, "reap", lambda _: True)
    _break(Store, "compact", lambda _: True)
    dataplane.REAP_SECONDS = 0.1
    from kubesvc.run import compaction, eventwarnings

    compaction.COMPACT_SECONDS = 0.1
    _break(eventwarnings.EventWarnings, "_on_event", lambda _, event: event.object.get("reason") == "sink")


if __name__ == "__main__":
    from kubesvc.__main__ import main

    break_everything()
    main()
