"""A fault within a component costs one object or one connection, is told of everywhere, and heals with the object."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.helpers.cluster import cli
from tests.helpers.cluster.cli import ClusterCommands, Item, curl, curl_result, eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import Manifest, deployment, pod, service, stream
from tests.helpers.kubectl.cli import find_kubectls, kubeconfig_of, preferred
from tests.helpers.kubesvc.faulty_process import HANDLER, HANDLERS_OF, REQUESTS, STAGES
from tests.helpers.patience import PATIENCE

GROUND = Ground(23)
FAULTY = (sys.executable, "-m", "tests.helpers.kubesvc.faulty_process")


GOES_ON = re.compile(r"^(.+) goes on without (\w+) (\S+): ", re.MULTILINE)


class Telling(NamedTuple):
    """What the cluster tells of its faults at one moment."""

    problems: list[str]
    events: list[Item]
    health: str
    log: str

    def without(self) -> set[tuple[str, str, str]]:
        """Return each component with the kind and the name of an object that it goes on without."""
        return {found.groups() for each in self.problems if (found := GOES_ON.match(each))}  # type: ignore[misc]


class Faulty:
    """The cluster, seen through `kubesvc` and `kubectl`."""

    def __init__(self, commands: ClusterCommands) -> None:
        self.commands = commands
        found = find_kubectls()
        self._kubectl = [str(found[preferred(found)]), "--kubeconfig", str(kubeconfig_of(commands))]

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed, and return what it says."""
        result = subprocess.run(
            [*self._kubectl, *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def problems(self) -> list[str]:
        found: list[str] = self.commands.status()["problems"]
        return found

    def telling(self) -> Telling:
        said = self.kubectl("get", "events", "-A", "--field-selector=type=Warning", "-ojson")
        health = self.kubectl("get", "--raw", "/healthz?verbose")
        return Telling(self.problems(), json.loads(said)["items"], health, self.commands.log())


class Story(NamedTuple):
    """The cluster, what it told while everything was faulty, and what when the faults were over."""

    cluster: Faulty
    broken: Telling
    answered: list[str]
    healed: Telling


def name_of(kind: str, stage: str) -> str:
    return f"{stage}-{kind.lower()}"


def place_of(kind: str, stage: str) -> str:
    name = name_of(kind, stage)
    return name if kind in ("Namespace", "Node") else f"default/{name}"


EXPECTED = {
    **{(component, kind, HANDLER): kind for kind, components in HANDLERS_OF.items() for component in components},
    **{(component, kind, stage): kind for stage, (kind, component) in STAGES.items()},
}
"""Who must tell of what: component, kind and stage."""
WANTED = {(component, kind, place_of(kind, stage)) for component, kind, stage in EXPECTED}


def faulty(kind: str, stage: str) -> Manifest:
    """Return a valid object of a kind with a fault at a stage."""
    name = name_of(kind, stage)
    bodies: dict[str, Manifest] = {
        "Namespace": {"apiVersion": "v1"},
        "Node": {"apiVersion": "v1", "spec": {"unschedulable": True}},
        "ConfigMap": {"apiVersion": "v1", "data": {"a": "b"}},
        "Endpoints": {"apiVersion": "v1"},
        "EndpointSlice": {
            "apiVersion": "discovery.k8s.io/v1",
            "addressType": "IPv4",
            "endpoints": [{"addresses": [GROUND.node(1)]}],
            "ports": [{"port": 1}],
        },
        "Service": service(name, "web"),
        "Pod": pod(name, {"name": "main", "image": "busybox", "command": ["sleep", "1000"]}),
        "Deployment": deployment(name, replicas=0),
        "ReplicaSet": deployment(name, replicas=0) | {"kind": "ReplicaSet"},
    }
    body = bodies[kind]
    if stage == "probe":
        body["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 6666}, "periodSeconds": 1}
    return body | {"kind": kind, "metadata": {"name": name, "labels": {"fault": stage}}}


def provoke(cluster: Faulty) -> Iterator[str]:
    """Have everything fail that is of no object, and yield what was answered."""
    commands = cluster.commands
    place = name_of("Service", "connection")
    assert eventually(lambda: any(each["bound"] for each in commands.service(place)["listeners"]))
    yield f"connection {curl_result(f'http://{commands.at(place)}/').returncode}"
    address = commands.status()["dns"]["addresses"][0]
    question = ["dig", f"@{address['address']}", "-p", str(address["port"]), "query.default.svc.cluster.local"]
    for transport in ("+notcp", "+tcp"):
        yield subprocess.run(
            [*question, transport], capture_output=True, text=True, timeout=PATIENCE, check=False
        ).stdout
    with pytest.raises(AssertionError, match="InternalError"):
        cluster.kubectl("get", "configmap", "request")
    about = {"kind": "Service", "name": "web", "namespace": "default", "apiVersion": "v1"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "sink", "namespace": "default"}}
    event |= {"involvedObject": about, "reason": "sink", "type": "Warning", "message": "-"}
    yield cluster.kubectl("create", "-f", "-", stdin=json.dumps(event))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "KUBESVC", FAULTY)
        commands = ClusterCommands(tmp_path_factory.mktemp("state"), "faulty")
        started = commands.up("-", stdin=stream(GROUND.configuration(), deployment("web"), service("web")))
        try:
            assert started.returncode == 0, started.stderr
            cluster = Faulty(commands)
            kinds = [(kind, stage) for _, kind, stage in EXPECTED]
            objects = [faulty(*each) for each in dict.fromkeys([*kinds, ("Service", "connection")])]
            cluster.kubectl(
                "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
            )
            answered = list(provoke(cluster))
            eventually(lambda: cluster.telling().without() >= WANTED)
            broken = cluster.telling()
            answered.append(curl(f"http://{commands.at('web')}/hostname"))
            answered += commands.dig("web.default.svc.cluster.local")
            cluster.kubectl("delete", "pod", name_of("Pod", "probe"), "--grace-period=0", "--force")
            for kinds_of in ("namespaces,nodes", "cm,svc,ep,endpointslices,po,rs,deploy"):
                cluster.kubectl("label", kinds_of, "-l", "fault", "fault-")
            eventually(lambda: not cluster.telling().without())
            yield Story(cluster, broken, answered, cluster.telling())
        finally:
            assert commands.down().returncode == 0


ROWS = [pytest.param(*each, id=f"{each[0]} at {each[1]} ({each[2]})") for each in sorted(EXPECTED)]


@pytest.mark.parametrize(("component", "kind", "stage"), ROWS)
def test_a_fault_costs_one_object_until_that_is_well(story: Story, component: str, kind: str, stage: str) -> None:
    place = place_of(kind, stage)
    assert (component, kind, place) in story.broken.without()
    assert (component, kind, place) not in story.healed.without()
    name = name_of(kind, stage)
    (event, *_) = [
        each
        for each in story.broken.events
        if each["involvedObject"]["name"] == name and each["source"]["component"] == component.partition(" ")[0]
    ]
    assert event["involvedObject"]["kind"] == kind
    assert event["message"].startswith(f"{component} goes on without it: Boom: ")
    assert f"[+]{component} ok, but {component} goes on without {kind} {place}: Boom: " in story.broken.health
    assert f"{component}: {kind} {place}" in story.broken.log


@pytest.mark.parametrize("what", REQUESTS)
def test_a_fault_of_no_object_costs_one_connection_or_one_turn(story: Story, what: str) -> None:
    assert any(each.startswith(REQUESTS[what]) for each in story.broken.problems)
    assert REQUESTS[what] in story.broken.health


def test_a_client_that_meets_a_fault_is_told(story: Story) -> None:
    connection, over_udp, over_tcp, *_ = story.answered
    assert connection in ("connection 55", "connection 56")  # CURLE_SEND_ERROR, CURLE_RECV_ERROR: reset
    assert "status: SERVFAIL" in over_udp
    assert "status: SERVFAIL" in over_tcp


def test_the_others_are_served_meanwhile(story: Story) -> None:
    *_, served, address = story.answered
    assert served.startswith("web-")
    assert address == story.cluster.commands.service("web")["clusterIP"]


def test_the_cluster_is_well_all_the_same(story: Story) -> None:
    assert story.broken.health.startswith("[+]ping ok\n")
    assert story.broken.health.endswith("healthz check passed\n")


def test_the_log_has_each_traceback_once(story: Story) -> None:
    log, faults = story.broken.log, ("_plan", "schedule", "reap", "compact")
    assert {each: log.count(f"\nBoom: {each}\n") for each in faults} == dict.fromkeys(faults, 1)
    assert len(log) < 1_000_000


def test_a_repeated_fault_raises_the_count_of_one_event(story: Story) -> None:
    name = name_of("Service", "reconcile")
    (event,) = [
        each
        for each in story.broken.events
        if each["involvedObject"]["name"] == name and each["source"]["component"] == "endpoint-slice-controller"
    ]
    assert event["count"] > 1
    assert any(re.search(rf"{name}: Boom: reconcile \(\d+ times\)", each) for each in story.broken.problems)


def test_what_was_without_an_object_serves_it_when_the_fault_is_over(story: Story) -> None:
    commands, name = story.cluster.commands, name_of("Service", HANDLER)
    assert eventually(lambda: any(each["bound"] for each in commands.service(name)["listeners"]))
    assert curl(f"http://{commands.at(name)}/hostname").startswith("web-")
    assert commands.dig(f"{name}.default.svc.cluster.local") == [commands.service(name)["clusterIP"]]
    pods = [f"pod/{name_of('Pod', each)}" for each in (HANDLER, "schedule", "admit", "container", "status")]
    story.cluster.kubectl("wait", "--for=condition=Ready", f"--timeout={PATIENCE}s", *pods)
