"""Random pods for a scheduler, nodes of several sorts, and what the real one and kubesvc's decide."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.cluster.api import API
from tests.helpers.objects import build

from kubeapi.meta import JSON, format_time, key_of
from kubeapi.objects.budget import read_budget
from kubeapi.objects.conditions import find_condition
from kubescheduler.fitting import Fitting
from kubescheduler.nodes import Nodes, World, placed_pod
from kubescheduler.scheduling import Facts, Unschedulable, schedule
from kubescheduler.scoring import scores

NAMESPACE, SCHEDULER = "scheduling", "beside"
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
SIZES = (("4", "8Gi"), ("2", "16Gi"), ("8", "8Gi"), ("4", "4Gi"), ("3", "8Gi"), ("4", "6Gi"))
ZONES = ("a", "a", "b", "b", "c", "")
TAINTS: dict[int, list[JSON]] = {
    2: [{"key": "soft", "effect": "PreferNoSchedule"}, {"key": "softer", "effect": "PreferNoSchedule"}],
    3: [{"key": "soft", "value": "x", "effect": "PreferNoSchedule"}],
    5: [{"key": "team", "value": "blue", "effect": "NoSchedule"}],
}
APPS = ("web", "db", "cache")
PRIORITIES = {"low": 10, "mid": 100, "high": 1000}
START = 1_767_225_600.0


class Decision(NamedTuple):
    """The nodes of which one is taken, or why the pod waits, and the pods that it preempts."""

    nodes: frozenset[str] = frozenset()
    message: str = ""
    victims: frozenset[str] = frozenset()


class Beside:
    """The API server of a real scheduler; pods that it binds run at once, and leave as soon as they are told to."""

    def __init__(self, api: API) -> None:
        self.api = api
        self._owners: list[JSON] = []
        self._started = START

    def prepare(self) -> None:
        """Make the nodes, the priorities, two workloads and a budget that is used up."""
        self.api.put(build("Namespace", NAMESPACE))
        for number, ((cpu, memory), zone) in enumerate(zip(SIZES, ZONES, strict=True), 1):
            self._put_node(f"n{number}", {"cpu": cpu, "memory": memory}, zone, TAINTS.get(number, []))
        for name, value in PRIORITIES.items():
            path = "/apis/scheduling.k8s.io/v1/priorityclasses"
            self.api.send("POST", path, {**build("PriorityClass", name), "value": value})
        for name in ("one", "two"):
            template = {"metadata": {"labels": {"set": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
            spec = {"replicas": 0, "serviceName": "x", "selector": {"matchLabels": {"set": name}}, "template": template}
            made = self.api.create(build("StatefulSet", name, NAMESPACE, spec=spec))
            owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": made["metadata"]["uid"]}
            self._owners.append({**owner, "controller": True})
        budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}
        self.api.create(build("PodDisruptionBudget", "db", NAMESPACE, spec=budget))

    def _put_node(self, name: str, room: dict[str, str], zone: str, taints: list[JSON]) -> None:
        labels = {HOST: name, "set": SCHEDULER, "disk": "ssd" if int(name[1:]) % 2 else "hdd"}
        self.api.create(build("Node", name, metadata={"labels": {**labels, **({ZONE: zone} if zone else {})}}))
        room |= {"pods": "12", "example.com/gpu": "5", "ephemeral-storage": "10Gi"}
        ready = [{"type": "Ready", "status": "True"}]
        status = {"capacity": room, "allocatable": room, "conditions": ready}
        self.api.patch(f"/api/v1/nodes/{name}/status", {"status": status})
        self.api.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": taints}})

    def clear(self) -> None:
        """Take away what ``prepare`` has made, with all pods."""
        for name in self.pods():
            self.delete(name)
        self.api.delete(f"/api/v1/namespaces/{NAMESPACE}")
        for name in PRIORITIES:
            self.api.delete(f"/apis/scheduling.k8s.io/v1/priorityclasses/{name}")
        for number in range(1, len(SIZES) + 1):
            self.api.delete(f"/api/v1/nodes/n{number}")

    def pods(self) -> dict[str, JSON]:
        """Return the pods by their names."""
        found = self.api.send("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return {each["metadata"]["name"]: {"apiVersion": "v1", "kind": "Pod", **each} for each in found}

    def world(self, pods: dict[str, JSON]) -> World:
        """Return the nodes as kubesvc's scheduler sees them."""
        nodes = Nodes()
        for each in self.api.send("GET", "/api/v1/nodes")["items"]:
            nodes.put_node(each["metadata"]["name"], each)
        for pod in pods.values():
            nodes.put_pod(key_of(pod), pod)
        return nodes.world(lambda name: {"kubernetes.io/metadata.name": name})

    def expected(self, pod: JSON, world: World) -> Decision:
        """Return kubesvc's decision."""
        path = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
        budgets = [read_budget(each) for each in self.api.send("GET", path)["items"]]
        decision = schedule(pod, world, random.Random(0), None, Facts(lambda: budgets, time.time))
        if isinstance(decision, Unschedulable):
            victims = decision.preemption.victims if decision.preemption else ()
            return Decision(frozenset(), decision.message, frozenset(each["metadata"]["name"] for each in victims))
        return Decision(_best(pod, world))

    def decided(self, name: str, before: dict[str, JSON]) -> Decision:
        """Return the real scheduler's decision; the pod is gone afterwards, unless it has a node."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        pod = _until(lambda: self.api.send("GET", path), lambda each: bool(find_condition(each, "PodScheduled")))
        refused = find_condition(pod, "PodScheduled")
        said = refused["message"] if refused is not None and refused["status"] == "False" else ""
        leaving = re.search(r"preempting (\d+) victims", said)
        count = int(leaving[1]) if leaving else 0
        after = _until(self.pods, lambda each: len(before.keys() - each.keys()) >= count)
        victims = frozenset(before.keys() - after.keys())
        if said:
            self.delete(name)
            return Decision(frozenset(), said, victims)
        self._started += 60
        running = {"phase": "Running", "startTime": format_time(self._started)}
        self.api.patch(f"{path}/status", {"status": running})
        return Decision(frozenset((pod["spec"]["nodeName"],)), "", victims)

    def delete(self, name: str) -> None:
        """Take a pod away at once."""
        self.api.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}?gracePeriodSeconds=0")

    def create(self, pod: JSON, rng: random.Random) -> JSON:
        """Create a pod, half of them as one of a workload's, and return it."""
        if rng.random() < 0.5:
            owner = rng.choice(self._owners)
            pod["metadata"]["ownerReferences"] = [owner]
            pod["metadata"]["labels"]["set"] = owner["name"]
        return self.api.create(pod)


def _best(pod: JSON, world: World) -> frozenset[str]:
    """Return the nodes with the highest score of those that may run a pod, one of which the real scheduler takes."""
    placed = placed_pod(pod)
    trial = Fitting(placed, world, None)
    fitting = [each for each in world.infos if trial.refusal(each) is None]
    rated = scores(placed, fitting, world)
    return frozenset(each.name for each, score in zip(fitting, rated, strict=True) if score == max(rated))


def _until(read: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20.0
    while not is_done(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def random_pod(name: str, rng: random.Random) -> JSON:
    """Return a pod that asks for some of what pods can ask a scheduler for."""
    app = rng.choice(APPS)
    container: JSON = {"name": "c", "image": "i", "resources": {"requests": _requests(rng)}}
    if rng.random() < 0.15:
        container["ports"] = [{"containerPort": 80, "hostPort": rng.choice((80, 81))}]
    spec: JSON = {"containers": [container], "schedulerName": SCHEDULER, "terminationGracePeriodSeconds": 0}
    spec["nodeSelector"] = {"set": SCHEDULER, **({"disk": "hdd"} if rng.random() < 0.1 else {})}
    if rng.random() < 0.5:
        spec["priorityClassName"] = rng.choice(sorted(PRIORITIES))
    if rng.random() < 0.2:
        spec["tolerations"] = [{"key": rng.choice(("team", "soft")), "operator": "Exists"}]
    if rng.random() < 0.25:
        spec["topologySpreadConstraints"] = [_constraint(app, rng)]
    spec["affinity"] = {kind: found for kind in ("podAffinity", "podAntiAffinity") if (found := _affinity(rng))}
    return build("Pod", name, NAMESPACE, metadata={"labels": {"app": app}}, spec=spec)


def _requests(rng: random.Random) -> dict[str, str]:
    choices = (("cpu", 0.6, ("100m", "500m", "1", "2500m")), ("memory", 0.6, ("64Mi", "200Mi", "1Gi", "3Gi")))
    return {name: rng.choice(amounts) for name, chance, amounts in choices if rng.random() < chance}


def _constraint(app: str, rng: random.Random) -> JSON:
    action = rng.choice(("DoNotSchedule", "ScheduleAnyway"))
    found: JSON = {"maxSkew": rng.choice((1, 2)), "topologyKey": rng.choice((HOST, ZONE)), "whenUnsatisfiable": action}
    found["labelSelector"] = {"matchLabels": {"app": app}}
    if action == "DoNotSchedule" and rng.random() < 0.3:
        found["minDomains"] = rng.choice((2, 4))
    return found | ({"nodeTaintsPolicy": "Honor"} if rng.random() < 0.3 else {})


def _affinity(rng: random.Random) -> JSON:
    found: JSON = {}
    for strength in (REQUIRED, PREFERRED):
        if rng.random() < 0.12:
            term = {
                "labelSelector": {"matchLabels": {"app": rng.choice(APPS)}},
                "topologyKey": rng.choice((HOST, ZONE)),
            }
            weighted = {"weight": rng.choice((1, 20, 100)), "podAffinityTerm": term}
            found[strength] = [term if strength == REQUIRED else weighted]
    return found
