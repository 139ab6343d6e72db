"""One reconcile of one DaemonSet: which nodes get a pod, and which pods go. Pure.

Without maxSurge a pod that is out of date goes first and its node gets a new one afterwards; with maxSurge the new one
comes first. Follows k8s.io/kubernetes ``pkg/controller/daemon`` (daemon_controller.go, update.go).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.daemonset import DaemonSet
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PODS
from kubecontroller.change import NORMAL, WARNING, Change, Create, RecordEvent, Requeue, delete
from kubecontroller.workload.daemonset.failedpods import FailedPods
from kubecontroller.workload.daemonset.pods import Fit, by_node, fit_of, is_updated, new_pod
from kubecontroller.workload.intstr import scaled_value
from kubecontroller.workload.podcontrol import BURST_REPLICAS, creation, deletion


class OnNode(NamedTuple):
    """The pods on one node that are not being deleted: the one of the present template, and the one of an older."""

    new: JSON | None
    old: JSON | None


class DaemonSetStep:
    """Collects the ``changes`` of one reconcile; ``pods`` are its own, ``revision_hash`` is of its present template."""

    def __init__(
        self, daemon_set: DaemonSet, nodes: Sequence[JSON], pods: Sequence[JSON], revision_hash: str, now: float
    ) -> None:
        self.daemon_set = daemon_set
        self.fits: Mapping[str, Fit] = {each["metadata"]["name"]: fit_of(daemon_set, each) for each in nodes}
        self.pods = by_node(pods)
        self.changes: list[Change] = []
        self.has_acted = False
        """Whether pods were created or deleted: a rollout goes on only once that is done."""
        self._hash = revision_hash
        self._now = now
        self._wanted: list[str] = []
        self._condemned: list[JSON] = []

    def manage(self, failed: FailedPods) -> None:
        """Create the pods that nodes lack, and delete those that they should not have."""
        for name, fit in self.fits.items():
            there = self.pods.get(name)
            if fit.should_run and there is None:
                self._wanted.append(name)
            elif fit.may_stay:
                self._prune(name, fit, there or [], failed)
            elif there is not None:
                self._condemned += [each for each in there if not is_terminating(each)]
        for name in self.pods.keys() - self.fits.keys():
            self._condemned += [each for each in self.pods[name] if not read_pod(each).node_name]
        self._write()

    def _prune(self, name: str, fit: Fit, pods: Sequence[JSON], failed: FailedPods) -> None:
        """Delete the pods of a node that have ended, and those that are too many."""
        alive = [each for each in pods if not is_terminating(each) and not self._has_ended(each, name, failed)]
        if not self._surges():
            self._condemned += alive[1:]
            return
        if len(alive) <= 1:
            self._wanted += [name] if not alive and fit.should_run else []
            return
        new = [each for each in alive if self._is_new(each)]
        old = [each for each in alive if not self._is_new(each)]
        self._condemned += [*new[1:], *old[1:]]
        if new and old and (not read_pod(old[0]).is_ready or self._is_available(new[0])):
            self._condemned.append(old[0])

    def _has_ended(self, pod: JSON, node: str, failed: FailedPods) -> bool:
        """Tell whether a pod has ended; one that failed is deleted at once, and the next ones after growing pauses."""
        phase = read_pod(pod).phase
        if phase not in ("Failed", "Succeeded"):
            return False
        about, label = self.daemon_set.obj, f"{pod['metadata']['namespace']}/{pod['metadata']['name']} on node {node}"
        if phase == "Failed":
            if wait := failed.seconds_to_wait(self.daemon_set, node, self._now):
                self.changes.append(Requeue(wait))
                return True
            text = f"Found failed daemon pod {label}, will try to kill it"
            self.changes.append(RecordEvent(about, WARNING, "FailedDaemonPod", text))
        else:
            text = f"Found succeeded daemon pod {label}, will try to delete it"
            self.changes.append(RecordEvent(about, NORMAL, "SucceededDaemonPod", text))
        self._condemned.append(pod)
        return True

    def update(self) -> None:
        """Replace pods of older templates, as many at once as the strategy allows."""
        if self._surges():
            self._surge()
        else:
            self._replace()
        self._write()

    def _replace(self) -> None:
        unavailable = 0
        broken: list[JSON] = []
        sound: list[JSON] = []
        for name in dict.fromkeys([*self._desired(), *self.pods]):
            there = self._on(name)
            if there is None or (there.new is None) == (there.old is None):
                unavailable += 1
            elif there.old is None:
                unavailable += not self._is_available(there.new)
            elif not self._is_available(there.old):
                broken.append(there.old)
                unavailable += 1
            else:
                sound.append(there.old)
        limit = scaled_value(self.daemon_set.max_unavailable, len(self._desired()), round_up=True)
        self._condemned += [*broken, *sound[: max(0, (limit or 1) - unavailable)]]

    def _surge(self) -> None:
        surging, available = 0, 0
        wanted: list[str] = []
        leaving: list[JSON] = []
        for name in self.pods:
            there = self._on(name)
            if there is None:
                surging += 1
                continue
            available += self._is_available(there.old or there.new)
            if there.old is None:
                continue
            if there.new is not None:
                surging += not self._is_available(there.new)
                self._condemned += [there.old] if self._is_available(there.new) else []
            elif not self.fits.get(name, Fit(False, False)).should_run:
                (leaving if self._is_available(there.old) else self._condemned).append(there.old)
            elif not self._is_available(there.old):
                self._wanted.append(name)
            else:
                wanted.append(name)
        limit = scaled_value(self.daemon_set.max_surge, len(self._desired()), round_up=True)
        self._wanted += wanted[: max(0, limit - surging)]
        self._condemned += leaving[: max(0, available - len(self._desired()))]

    def _desired(self) -> list[str]:
        return [name for name, fit in self.fits.items() if fit.should_run]

    def _on(self, name: str) -> OnNode | None:
        """Return the pods on a node; None if there are several of a sort, of which ``manage`` leaves one."""
        alive = [each for each in self.pods.get(name, ()) if not is_terminating(each)]
        new = [each for each in alive if self._is_new(each)]
        old = [each for each in alive if not self._is_new(each)]
        if len(new) > 1 or len(old) > 1:
            return None
        return OnNode(new[0] if new else None, old[0] if old else None)

    def _surges(self) -> bool:
        return scaled_value(self.daemon_set.max_surge, 1, round_up=True) > 0

    def _is_new(self, pod: JSON) -> bool:
        return is_updated(self.daemon_set, pod, self._hash)

    def _is_available(self, pod: JSON | None) -> bool:
        seconds = self.daemon_set.min_ready_seconds
        return pod is not None and read_pod(pod).seconds_until_available(seconds, self._now) == 0

    def _write(self) -> None:
        """Turn what was decided into changes."""
        made, gone = creation(self.daemon_set.obj), deletion(self.daemon_set.obj)
        for name in self._wanted[:BURST_REPLICAS]:
            self.changes.append(Create(PODS, new_pod(self.daemon_set, name, self._hash), made))
        for pod in self._condemned[:BURST_REPLICAS]:
            self.changes.append(delete(PODS, pod, gone))
        self.has_acted = bool(self._wanted or self._condemned)
        self._wanted, self._condemned = [], []
