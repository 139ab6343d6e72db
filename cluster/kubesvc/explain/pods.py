"""Why a pod is no endpoint, or one that takes no traffic, in a clause that begins with a verb. Pure.

The kubelet's and the scheduler's own words are repeated, not paraphrased: they can be searched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.scheme import EVENTS, NODES
from kubeapi.store import Store
from kubecontroller.podstate import is_finished, is_ready, phase_of, ready_condition


def why_not_ready(store: Store, pod: JSON) -> str:
    """Return why the pod takes no traffic, "" if it does."""
    if is_finished(pod):
        return _ended(pod)
    if is_terminating(pod):
        return "is terminating" + ("" if is_ready(pod) else " and not ready any more")
    node = pod["spec"].get("nodeName", "")
    if not node:
        return _unscheduled(store, pod)
    if store.find(NODES, ObjectKey("", node)) is None:
        return f"is on the node {node}, which does not exist"
    if is_ready(pod):
        return "" if _has_address(pod) else "has no address yet"
    return _unready(store, pod)


def events_of(store: Store, obj: JSON, *reasons: str) -> list[JSON]:
    """Return the events about an object for one of these reasons, the newest last."""
    key, kind = key_of(obj), obj["kind"]
    found = [
        each
        for each in store.list(EVENTS, key.namespace or "default")
        if each.get("reason") in reasons and _is_about(each.get("involvedObject") or {}, kind, obj)
    ]
    return sorted(found, key=lambda each: (each.get("lastTimestamp") or "", int(each["metadata"]["resourceVersion"])))


def _is_about(reference: JSON, kind: str, obj: JSON) -> bool:
    metadata = obj["metadata"]
    is_same = reference.get("kind") == kind and reference.get("name") == metadata["name"]
    return is_same and reference.get("uid", "") in ("", metadata.get("uid", ""))


def _ended(pod: JSON) -> str:
    status = pod.get("status") or {}
    reasons = [status.get("reason"), *(_termination(each) for each in _statuses(pod))]
    more = ", ".join(each for each in reasons if each)
    return f"has ended ({phase_of(pod)}{f': {more}' if more else ''})"


def _unscheduled(store: Store, pod: JSON) -> str:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    message = next((each.get("message", "") for each in conditions if each["type"] == "PodScheduled"), "")
    events = events_of(store, pod, "FailedScheduling")
    message = message or (events[-1].get("message", "") if events else "")
    return f"is Pending, it has no node: {message}" if message else "is Pending, it has no node yet"


def _unready(store: Store, pod: JSON) -> str:
    for status in _statuses(pod):
        if said := _container(store, pod, status):
            return said
    condition = ready_condition(pod)
    if condition.get("reason") == "ReadinessGatesNotReady":
        return f"is not ready: {condition.get('message', '')}"
    if phase_of(pod) == "Pending":
        return "is Pending, its containers have not been started yet"
    return f"is not ready: {condition.get('message') or 'its condition Ready is not True'}"


def _container(store: Store, pod: JSON, status: JSON) -> str:
    """Return what is wrong with one container, "" if nothing is."""
    name, state = status["name"], status.get("state") or {}
    if "waiting" in state:
        return _waiting(name, state["waiting"], status)
    if "terminated" in state:
        is_done = _is_init(pod, name) and not state["terminated"].get("exitCode")
        return "" if is_done else f"is not ready: container {name} has ended, {_termination(status)}"
    if not status.get("ready"):
        return _probed(store, pod, status)
    return ""


def _waiting(name: str, waiting: JSON, status: JSON) -> str:
    reason = waiting.get("reason") or "ContainerCreating"
    if reason == "CrashLoopBackOff":
        restarts = status.get("restartCount", 0)
        last = _termination({"state": status.get("lastState") or {}})
        times = f"{restarts} restart{'' if restarts == 1 else 's'}"
        return f"is in CrashLoopBackOff: container {name} ends every time, last {last or 'without a trace'} ({times})"
    message = f": {waiting['message']}" if waiting.get("message") else ""
    return f"is not ready: container {name} waits ({reason}){message}"


def _probed(store: Store, pod: JSON, status: JSON) -> str:
    """Return which probe a running container has not passed, with what it said last."""
    name = status["name"]
    spec = next(each for each in _containers(pod) if each["name"] == name)
    kind = "startup" if spec.get("startupProbe") and not status.get("started") else "readiness"
    if not spec.get(f"{kind}Probe"):
        return f"is not ready: container {name} runs, but is not ready yet"
    title = f"{kind.capitalize()} probe failed"
    said = [each["message"] for each in events_of(store, pod, "Unhealthy") if each["message"].startswith(title)]
    last = f": {said[-1].strip()}" if said else " and has not failed either"
    return f"is not ready: the {kind} probe of container {name} has not passed{last}"


def _termination(status: JSON) -> str:
    ended = (status.get("state") or {}).get("terminated")
    if not ended:
        return ""
    message = f": {ended['message'].strip()}" if ended.get("message") else ""
    return f"{ended.get('reason') or 'ended'} with exit code {ended.get('exitCode', 0)}{message}"


def _statuses(pod: JSON) -> Iterator[JSON]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _containers(pod: JSON) -> Iterable[JSON]:
    return [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]


def _is_init(pod: JSON, name: str) -> bool:
    return any(each["name"] == name for each in pod["spec"].get("initContainers") or ())


def _has_address(pod: JSON) -> bool:
    return bool((pod.get("status") or {}).get("podIP"))
