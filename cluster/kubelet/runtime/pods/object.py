"""The Pod object of one worker: everything that the worker writes to the API about its pod."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubeapi.events import EventRecorder
from kubeapi.failures import Subject
from kubeapi.io.client import Client
from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import counted_request
from kubeapi.objects.podresources import Amounts, request_of
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.scheme import PODS
from kubelet.pod.machine.resizing import allocated_before, with_resources
from kubelet.pod.machine.state import PodPlace, PodState
from kubelet.pod.spec import read_pod_spec
from kubelet.pod.status import pod_status
from kubelet.runtime.dependencies import COMPONENT

# Seconds. A node takes about one to remove a pod's object, and kubectl up to 1.35 relies on it: its ``delete`` gets
# the object, then lists it, and never ends if a StatefulSet's next pod has the name by then (kubernetes/kubectl#1803).
SEEN_BEFORE_DELETED = 0.25


class PodObject:
    """A Pod object, and as ``given`` the same with the resources that its node gives it, with its ``spec`` read.

    ``is_resized``: the object asks for others.

    Once the object ``is_gone``, while the kubelet ``is_silent`` as the cluster is going down, or while the pod
    ``is_unheard`` as its node is lost, nothing is written.
    """

    def __init__(self, client: Client, recorder: EventRecorder, obj: JSON) -> None:
        self._allocated = allocated_before(obj)
        self._read(obj)
        self.subject = Subject(PODS, self.spec.key)
        self.is_gone = False
        self.is_silent = self.is_unheard = False
        self._client = client
        self._recorder = recorder
        self._failures = client.registry.store.failures
        self._failing: set[str] = set()
        self._counted: Amounts | None = None
        self._deleted_since: float | None = None
        self._mark_deletion()

    @property
    def is_deleted(self) -> bool:
        """Whether the object's deletion has begun."""
        return is_terminating(self.obj)

    @property
    def is_changed(self) -> bool:
        """Whether the object has another generation than its status tells of."""
        observed = status_of(self.obj).get("observedGeneration", 0)
        return bool(0 < observed < self.obj["metadata"].get("generation", 0))

    @property
    def _is_written(self) -> bool:
        return not self.is_gone and not self.is_silent and not self.is_unheard

    @property
    def request(self) -> Amounts:
        """What the pod requests of what is allocated to it."""
        return request_of({"spec": self._allocated})

    @property
    def counted(self) -> Amounts:
        """What the pod takes of its node, more than its request while a smaller size is not done; asked for often."""
        if self._counted is None:
            self._counted = counted_request({"spec": self._allocated, "status": status_of(self.obj)})
        return self._counted

    def update(self, obj: JSON) -> None:
        """Take the object's new version."""
        self._read(obj)
        self._mark_deletion()

    def _read(self, obj: JSON) -> None:
        asked = obj["spec"]
        given = with_resources(asked, self._allocated)
        self.is_resized = given is not asked
        if not self.is_resized and asked is not self._allocated:
            self._allocated = asked
        self.obj, self.given = obj, {**obj, "spec": given} if self.is_resized else obj
        self._counted = None
        self.spec = read_pod_spec(self.given)

    def allocate(self) -> None:
        """Give the pod the resources that its object asks for."""
        self._allocated = self.obj["spec"]
        self._read(self.obj)

    def _mark_deletion(self) -> None:
        if self.is_deleted and self._deleted_since is None:
            self._deleted_since = asyncio.get_running_loop().time()

    def report(self, kind: str, reason: str, message: str) -> None:
        """Record an event about the pod; ``kind`` is Normal or Warning."""
        if self._is_written:
            self._recorder.event(self.obj, kind, reason, message)

    def write_status(self, state: PodState, place: PodPlace, now: float) -> None:
        """Write the status that the containers' state makes, if it differs from the object's."""
        self._write(lambda stored: pod_status({**self.given, "status": status_of(stored)}, state, place, now))

    def reject(self, reason: str, message: str) -> None:
        """Fail the pod, which the kubelet does not admit (rejectPod)."""
        self.report("Warning", reason, message)
        status = {"phase": "Failed", "reason": reason, "message": f"Pod was rejected: {message}"}
        self._write(lambda _: status)

    def fail(self, reason: str, message: str, kind: str = "Normal") -> None:
        """Fail the pod, whose containers are to be stopped then; a pod that is over already stays as it is.

        ``kind`` is that of the event, Normal or Warning.
        """
        stored = self._stored(self._client.registry)
        if not self._is_written or stored is None or read_pod(stored).is_finished:
            return
        self.report(kind, reason, message)
        failed = {"phase": "Failed", "reason": reason, "message": message}
        self._write(lambda stored: {**status_of(stored), **failed})

    def delete(self) -> None:
        """Delete the object, as nothing of its pod runs any more; it has been seen as deleted for a moment then."""
        loop, since = asyncio.get_running_loop(), self._deleted_since
        wait = 0.0 if since is None else since + SEEN_BEFORE_DELETED - loop.time()
        if wait > 0:
            loop.call_later(wait, self._delete)
        else:
            self._delete()

    def _delete(self) -> None:
        if self._is_written:
            key, options = self.spec.key, DeleteOptions(0, uid=self.spec.uid)
            self._client.post(lambda registry: registry.delete(PODS, *key, options), is_repeated=True)

    def _write(self, make: Callable[[JSON], JSON]) -> None:
        """Write the status that ``make`` gives for the object as it is stored, if it differs.

        That may be newer than ``obj``, which is what the kubelet has heard: a phase that is over, or a condition that
        somebody else has written, would be lost otherwise.
        """

        def write(registry: Registry) -> None:
            stored = self._stored(registry)
            if stored is not None and (status := make(stored)) != stored.get("status"):
                registry.update_status(PODS, {**stored, "status": status})

        if self._is_written:
            self._client.post(write)

    def _stored(self, registry: Registry) -> JSON | None:
        found = registry.store.find(PODS, self.spec.key)
        return found if found is not None and found["metadata"]["uid"] == self.spec.uid else None

    def failed(self, what: str, error: BaseException) -> None:
        """Report an unforeseen error, as the kubelet reports a pod that it cannot sync."""
        if self._is_written:
            self._failing.add(what)
            self._failures.note(f"{COMPONENT} ({what})", self.subject, error, reason="FailedSync")

    def recovered(self, what: str) -> None:
        """Record that ``what`` works, after it may have failed."""
        if what in self._failing:
            self._failing.discard(what)
            self._failures.forget(f"{COMPONENT} ({what})", self.subject)

    def has_failed(self, what: str) -> bool:
        """Tell whether ``what`` has failed and has not recovered since."""
        return what in self._failing
