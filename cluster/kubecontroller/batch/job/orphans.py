"""Pods that a Job can count no more, as it is gone or over: they lose the finalizer that holds them.

Pure. Follows ``syncOrphanPod`` in k8s.io/kubernetes ``pkg/controller/job/job_controller.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, controller_of
from kubeapi.objects.job import TRACKING_FINALIZER, read_job
from kubeapi.scheme import JOBS, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.batch.job.pods import is_tracked
from kubecontroller.change import Change, Update
from kubecontroller.listers import Listers
from kubecontroller.workload.ownership import without_finalizer


class JobOrphanController:
    """Reconciles the pods with the finalizer of Jobs, once no Job that goes on has them."""

    name = "job-orphan-controller"
    resource = PODS
    watches = (JOBS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return a pod with the finalizer, or all of a Job that is over."""
        if resource is PODS:
            return [delta.key] if delta.new is not None and is_tracked(delta.new) else ()
        if delta.new is not None and not read_job(delta.new).is_finished:
            return ()
        job = delta.new or delta.old or {"metadata": {"uid": ""}}
        ids = self._listers.dependents.having(job["metadata"]["uid"])
        return [each.key for each in ids if each.resource is PODS]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a pod needs."""
        pod = self._listers.store.find(PODS, key)
        if pod is None or not is_tracked(pod) or self._is_wanted(pod, key.namespace):
            return []
        return [Update(PODS, without_finalizer(pod, TRACKING_FINALIZER))]

    def _is_wanted(self, pod: JSON, namespace: str) -> bool:
        """Tell whether a Job has the pod that goes on, or that another controller has; or another kind has it."""
        controller = controller_of(pod)
        if controller is None:
            return False
        if (controller["apiVersion"], controller["kind"]) != (JOBS.api_version, JOBS.kind):
            return True
        job = self._listers.store.find(JOBS, ObjectKey(namespace, controller["name"]))
        if job is None or job["metadata"]["uid"] != controller["uid"]:
            return False
        return read_job(job).is_external or not read_job(job).is_finished
