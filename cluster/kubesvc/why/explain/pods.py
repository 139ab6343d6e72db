"""Why a pod is no endpoint, or one that takes no traffic, in a clause that begins with a verb. Pure.

The texts of the kubelet and the scheduler are repeated as they are, so that they can be searched for.
"""

from __future__ import annotations

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.container import ContainerStatus, end_reason
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import Pod, read_pod
from kubeapi.scheme import EVENTS, NODES
from kubeapi.store import Store


def why_not_ready(store: Store, obj: JSON) -> str:
    """Return why the pod takes no traffic, "" if it does."""
    pod = read_pod(obj)
    if pod.is_finished:
        return _ended(pod)
    if pod.is_terminating:
        return "is terminating" + ("" if pod.is_ready else " and not ready any more")
    if not pod.node_name:
        return _unscheduled(store, obj)
    # A cluster that mirrors another one has no Nodes at all.
    if store.list(NODES) and store.find(NODES, ObjectKey("", pod.node_name)) is None:
        return f"is on the node {pod.node_name}, which does not exist"
    if pod.is_ready:
        return "" if pod.ips else "has no address yet"
    return _unready(store, pod)


def events_of(store: Store, obj: JSON, *reasons: str) -> list[JSON]:
    """Return the events about an object for one of these reasons, the newest last."""
    key, kind = key_of(obj), obj["kind"]
    found = [
        each
        for each in store.list(EVENTS, key.namespace or "default")
        if each.get("reason") in reasons and _is_about(map_at(each, "involvedObject"), kind, obj)
    ]
    return sorted(found, key=lambda each: (each.get("lastTimestamp") or "", int(each["metadata"]["resourceVersion"])))


def _is_about(reference: JSON, kind: str, obj: JSON) -> bool:
    metadata = obj["metadata"]
    is_same = reference.get("kind") == kind and reference.get("name") == metadata["name"]
    return is_same and reference.get("uid", "") in ("", metadata.get("uid", ""))


def _ended(pod: Pod) -> str:
    reasons = [pod.reason, *(_termination(each.terminated) for each in _statuses(pod))]
    more = ", ".join(each for each in reasons if each)
    return f"has ended ({pod.phase}{f': {more}' if more else ''})"


def _unscheduled(store: Store, obj: JSON) -> str:
    condition = find_condition(obj, "PodScheduled")
    message = condition.get("message") if condition else ""
    events = events_of(store, obj, "FailedScheduling")
    message = message or (events[-1].get("message", "") if events else "")
    return f"is Pending, it has no node: {message}" if message else "is Pending, it has no node yet"


def _unready(store: Store, pod: Pod) -> str:
    for status in _statuses(pod):
        if reason := _container(store, pod, status):
            return reason
    condition = find_condition(pod.obj, "Ready")
    message = condition.get("message", "") if condition else ""
    if condition and condition.get("reason") == "ReadinessGatesNotReady":
        return f"is not ready: {message}"
    if pod.phase == "Pending":
        return "is Pending, its containers have not been started yet"
    return f"is not ready: {message or 'its condition Ready is not True'}"


def _container(store: Store, pod: Pod, status: ContainerStatus) -> str:
    """Return what is wrong with one container, "" if nothing is."""
    if status.waiting is not None:
        return _waiting(status.waiting, status)
    if status.terminated is not None:
        is_done = status.has_succeeded and any(each["name"] == status.name for each in pod.init_containers)
        return "" if is_done else f"is not ready: container {status.name} has ended, {_termination(status.terminated)}"
    return "" if status.is_ready else _probed(store, pod, status)


def _waiting(waiting: JSON, status: ContainerStatus) -> str:
    name, reason = status.name, waiting.get("reason") or "ContainerCreating"
    if reason == "CrashLoopBackOff":
        last = _termination(status.last_terminated) or "without a trace"
        times = f"{status.restart_count} restart{'' if status.restart_count == 1 else 's'}"
        return f"is in CrashLoopBackOff: container {name} ends every time, last {last} ({times})"
    message = f": {waiting['message']}" if waiting.get("message") else ""
    return f"is not ready: container {name} waits ({reason}){message}"


def _probed(store: Store, pod: Pod, status: ContainerStatus) -> str:
    """Return which probe a running container has not passed, with its latest message."""
    spec = next(each for each in (*pod.init_containers, *pod.containers) if each["name"] == status.name)
    kind = "startup" if spec.get("startupProbe") and not status.is_started else "readiness"
    if not spec.get(f"{kind}Probe"):
        return f"is not ready: container {status.name} runs, but is not ready yet"
    title, events = f"{kind.capitalize()} probe failed", events_of(store, pod.obj, "Unhealthy")
    messages = [each["message"] for each in events if each["message"].startswith(title)]
    last = f": {messages[-1].strip()}" if messages else " and has not failed either"
    return f"is not ready: the {kind} probe of container {status.name} has not passed{last}"


def _termination(ended: JSON | None) -> str:
    """Return how a container ended, "" if it has not."""
    if ended is None:
        return ""
    message = f": {ended['message'].strip()}" if ended.get("message") else ""
    return f"{end_reason(ended)} with exit code {ended.get('exitCode', 0)}{message}"


def _statuses(pod: Pod) -> list[ContainerStatus]:
    return [*pod.init_container_statuses, *pod.container_statuses]
