"""Putting a step's objects into a real API server, and playing the kubelet that its pods do not have."""

from __future__ import annotations

from benchmarks.cluster.api import API, RefusedError, collection_of, path_of
from tests.helpers.objects import build_namespace
from tests.helpers.realcluster.rows import NAME, Row, Step

from kubeapi.meta import JSON


class Stage:
    """The objects of one row, in its namespace; ``clear`` takes them away."""

    def __init__(self, api: API, row: Row) -> None:
        self._api = api
        self._namespace = row.namespace
        self._service = f"/api/v1/namespaces/{row.namespace}/services/{NAME}"
        self._slices: dict[str, str] = {}
        self._pods: dict[str, JSON] = {}
        api.put(build_namespace(row.namespace))

    def show(self, step: Step) -> None:
        """Have the objects of a step and no others."""
        for name, each in step.slices.items():
            self._show_slice(name, each)
        for name in self._pods.keys() - step.pods.keys():
            self._end_pod(name)
        for name, each in step.pods.items():
            self._show_pod(name, each)
        self._show_service(step)

    def clear(self) -> None:
        """Have no objects."""
        self._api.delete(self._service)
        for path in self._slices.values():
            self._api.delete(path)
        for name in list(self._pods):
            self._end_pod(name)

    def _show_slice(self, name: str, obj: JSON | None) -> None:
        if obj is not None:
            self._api.put(obj)
            self._slices[name] = path_of(obj)
        elif name in self._slices:
            self._api.delete(self._slices.pop(name))

    def _show_service(self, step: Step) -> None:
        if step.service is None:
            self._api.delete(self._service)
            return
        try:
            self._api.put(step.service)
        except RefusedError as error:
            if error.status != 422:
                raise
            self._api.delete(self._service)  # as `kubectl replace --force`: a cluster IP may not change
            self._api.put(step.service)
        if step.service["spec"].get("type") == "LoadBalancer":
            status = {"loadBalancer": {"ingress": step.ingress or None}}
            self._api.patch(f"{self._service}/status", {"status": status})

    def _show_pod(self, name: str, wanted: JSON) -> None:
        metadata = {key: value for key, value in wanted["metadata"].items() if key != "deletionTimestamp"}
        path = f"/api/v1/namespaces/{self._namespace}/pods/{name}"
        if name not in self._pods:
            self._api.create({**wanted, "metadata": metadata, "status": {}})
        else:
            self._api.patch(path, {"metadata": {"labels": metadata["labels"]}})
        self._pods[name] = wanted
        self._api.patch(f"{path}/status", {"status": wanted["status"]})
        if "deletionTimestamp" in wanted["metadata"]:
            self._api.send("DELETE", path, {"gracePeriodSeconds": 600})

    def _end_pod(self, name: str) -> None:
        """Do what a kubelet does when the pod's programs have ended."""
        path = collection_of(self._pods.pop(name))
        self._api.send("DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0})
