"""The NetworkPolicies, and what they ask of pods and namespaces, as they change. Pure.

While there is no policy, pods and namespaces are kept as the objects that they are, and nothing is read of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.objects.networkpolicy import read_network_policy
from kubeapi.objects.parts import spec_of
from kubeapi.objects.pod import read_pod
from kubeproxy.rules.policies import NO_POLICIES, Policies, PolicyPod


class PolicyTracker:
    """``policies`` are those of the last ``take_changes``. ``servers`` answer in the pods' network, as pods would."""

    def __init__(self, servers: Iterable[PolicyPod] = ()) -> None:
        self.policies = NO_POLICIES
        self._servers = {ip: each for each in servers for ip in each.ips}
        self._found = dict(NO_POLICIES.policies)
        self._pods: dict[ObjectKey, JSON] = {}
        self._namespaces: dict[str, JSON] = {}
        self._changed: set[ObjectKey] = set()
        self._are_others_changed = False

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a NetworkPolicy's new state, None when it is deleted."""
        found = None if obj is None else read_network_policy(obj)
        if found == self._found.get(key):
            return
        self._are_others_changed = True
        if found is None:
            del self._found[key]
        else:
            self._found[key] = found

    def update_pod(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Pod's new state, None when it is deleted."""
        if obj is None:
            self._pods.pop(key, None)
        else:
            self._pods[key] = obj
        if self._found:
            self._changed.add(key)

    def update_namespace(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Namespace's new state, None when it is deleted."""
        before = self._namespaces.pop(key.name, None)
        if obj is not None:
            self._namespaces[key.name] = obj
        if self._found and (before is None or obj is None or labels_of(before) != labels_of(obj)):
            self._are_others_changed = True

    def take_changes(self) -> bool:
        """Have ``policies`` be as all is now; return whether they have changed."""
        if not self._found:
            had_any, self.policies = bool(self.policies), NO_POLICIES
            self._changed.clear()
            self._are_others_changed = False
            return had_any
        old, pods = self.policies, self._take_pods()
        if not self._are_others_changed and pods is old.pods:
            return False
        if self._are_others_changed:
            namespaces = {name: labels_of(each) for name, each in self._namespaces.items()}
            self.policies = Policies(dict(self._found), pods, namespaces)
        else:
            self.policies = Policies(old.policies, pods, old.namespaces)
        self._are_others_changed = False
        return True

    def _take_pods(self) -> dict[str, PolicyPod]:
        """Return the pods by their addresses; the same mapping if none of them differs."""
        old = self.policies
        if not old:  # nothing was read while there was no policy
            self._changed.clear()
            read = (_read(key, each) for key, each in self._pods.items())
            return {**{ip: pod for pod in read if pod is not None for ip in pod.ips}, **self._servers}
        changed, self._changed = self._changed, set()
        before = {ip: each for ip, each in old.pods.items() if each.key in changed and ip not in self._servers}
        read = (_read(key, self._pods[key]) for key in changed if key in self._pods)
        after = {ip: pod for pod in read if pod is not None for ip in pod.ips}
        if before == after:
            return old.pods  # type: ignore[return-value]  # it was made here
        kept = {ip: each for ip, each in old.pods.items() if ip not in before}
        return {**kept, **after}


def _read(key: ObjectKey, obj: JSON) -> PolicyPod | None:
    """Return what policies ask of a pod; None without an address, or with that of its node."""
    pod = read_pod(obj)
    ips = pod.ips
    if not ips or pod.is_finished or spec_of(obj).get("hostNetwork"):
        return None
    ports = tuple((each.name, each.protocol, each.port) for each in pod.ports if each.name)
    return PolicyPod(key, ips, labels_of(obj), ports)
