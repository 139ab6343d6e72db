"""A cluster for Kubernetes' end-to-end tests: its API over HTTPS, nodes in zones, and a namespace for each test."""

from __future__ import annotations

import json
import re
import ssl
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.helpers.cluster.cli import ClusterCommands, eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import AGNHOST, Manifest
from tests.helpers.e2e.client import Client, Place, reaches
from tests.helpers.kubectl.cli import kubeconfig_of
from tests.helpers.objects import build_pod, build_service
from tests.helpers.patience import PATIENCE

Item = dict[str, Any]

HTTP_PORT, UDP_PORT = 8083, 8081
"""Of the e2e tests' netserver pods."""
SERVICE_HTTP_PORT, SERVICE_UDP_PORT = 8080, 9090
"""Of their Services, 80 and 90 upstream: those that an ordinary user may not bind would move."""
PATIENT_SECONDS = 600
"""The grace of pods that do not end by themselves; ``Namespace.delete`` ends them."""
PATHS = {
    "Namespace": "/api/v1",
    "Node": "/api/v1",
    "Pod": "/api/v1",
    "Service": "/api/v1",
    "Endpoints": "/api/v1",
    "EndpointSlice": "/apis/discovery.k8s.io/v1",
}


class RefusedError(AssertionError):
    """The API server said no; ``status`` is its Status object."""

    def __init__(self, status: Item) -> None:
        super().__init__(status.get("message", status))
        self.status = status


Ask = Callable[..., Item]
"""Asks as ``API.ask`` does."""


class API:
    """The API server of a cluster, asked as its kubeconfig says."""

    def __init__(self, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._place = urlsplit(cluster["server"])
        self._context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        self._headers = {"Authorization": f"Bearer {user['token']}"}

    def ask(self, method: str, path: str, body: Item | None = None, media: str = "application/json") -> Item:
        """Return the answer of a request; RefusedError."""
        with self.connected() as ask:
            return ask(method, path, body, media)

    @contextmanager
    def connected(self) -> Iterator[Ask]:
        """Have many requests, one after the other, on one connection; what ``ask`` does."""
        with closing(self._connect()) as connection:
            yield partial(self._ask_by, connection)

    def _connect(self) -> HTTPSConnection:
        place = self._place
        return HTTPSConnection(place.hostname or "", place.port, timeout=PATIENCE, context=self._context)

    def _ask_by(
        self, by: HTTPSConnection, method: str, path: str, body: Item | None = None, media: str = "application/json"
    ) -> Item:
        by.request(method, path, None if body is None else json.dumps(body), {**self._headers, "Content-Type": media})
        response = by.getresponse()
        document: Item = json.loads(response.read())
        if response.status >= 400:
            raise RefusedError(document)
        return document


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """Return the path of a resource, or with a name of an object."""
    plural = kind.lower() if kind.endswith("s") else f"{kind.lower()}s"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{PATHS[kind]}{within}/{plural}" + (f"/{name}" if name else "")


class E2ECluster:
    """A running cluster: its commands, its API and its nodes. Nodes are named by number, from 1."""

    def __init__(self, commands: ClusterCommands, ground: Ground, zones: Sequence[str]) -> None:
        self.commands = commands
        self.ground = ground
        self.zones = tuple(zones)
        self.reconnect()

    def reconnect(self) -> None:
        """Read the kubeconfig again, after a restart."""
        self.api = API(kubeconfig_of(self.commands))

    @property
    def nodes(self) -> range:
        """The numbers of the nodes."""
        return range(1, len(self.zones) + 1)

    def address(self, node: int) -> str:
        """Return a node's address."""
        return self.ground.node(node)

    def node_client(self, node: int) -> Client:
        """Return a client on a node itself, as host-network pods are."""
        return Client(self.address(node))


@dataclass(frozen=True)
class Namespace:
    """A namespace of a cluster, with the verbs of the end-to-end tests."""

    cluster: E2ECluster
    name: str

    def create(self, manifest: Manifest) -> Item:
        """Create an object here."""
        return self.cluster.api.ask("POST", path_of(manifest["kind"], self.name), manifest)

    def get(self, kind: str, name: str) -> Item:
        """Read an object."""
        return self.cluster.api.ask("GET", path_of(kind, self.name, name))

    def items(self, kind: str, selector: str = "") -> list[Item]:
        """List objects by label."""
        query = f"?labelSelector={selector}" if selector else ""
        items: list[Item] = self.cluster.api.ask("GET", path_of(kind, self.name) + query)["items"]
        return items

    def patch(self, kind: str, name: str, patch: Item) -> Item:
        """Merge a patch into an object."""
        return self.cluster.api.ask("PATCH", path_of(kind, self.name, name), patch, "application/merge-patch+json")

    def delete(self, kind: str, *names: str, grace: int | None = None) -> None:
        """Begin to delete objects; ``grace`` is in seconds, a pod's own unless it is given."""
        options = {} if grace is None else {"gracePeriodSeconds": grace}
        for name in names:
            self.cluster.api.ask("DELETE", path_of(kind, self.name, name), options)

    def end(self) -> None:
        """Delete the namespace, and patient pods without their grace."""
        self.cluster.api.ask("DELETE", path_of("Pod", self.name), {"gracePeriodSeconds": 0})
        self.cluster.api.ask("DELETE", path_of("Namespace", "", self.name))

    def run(self, *pods: Manifest) -> list[Item]:
        """Create pods and return them as they are when all are ready."""
        names = [self.create(each)["metadata"]["name"] for each in pods]
        assert eventually(lambda: all(is_ready(self.get("Pod", name)) for name in names)), self.items("Pod")
        return [self.get("Pod", name) for name in names]

    def pod_client(self, node: int, name: str = "") -> Client:
        """Run a pod that does nothing and return a client with its address."""
        pod = self.run(pause(name or f"client-{node}", node))[0]
        return Client(pod["status"]["podIP"])

    def servers(self, *nodes: int, app: str = "netserver", **spec: Any) -> list[str]:
        """Run a netserver pod on each of ``nodes`` and return their names."""
        pods = [netserver(f"{app}-{index}", node, app, **spec) for index, node in enumerate(nodes)]
        return [each["metadata"]["name"] for each in self.run(*pods)]

    def service(
        self, name: str, app: str = "netserver", *, labels: Mapping[str, str] | None = None, **spec: Any
    ) -> Service:
        """Create a Service of an app's pods: port ``http`` for its web server unless ``spec`` has other ports."""
        ports = [{"name": "http", "port": SERVICE_HTTP_PORT, "targetPort": HTTP_PORT}]
        selector = {"selector": {"app": app}} if app else {}
        whole = {"ports": ports, **selector, **spec}
        self.create(build_service(name, metadata={"labels": dict(labels or {})}, **whole))
        return Service(self, name)

    def endpoints(self, service: str) -> dict[str, list[int]]:
        """Return the ready ports by pod, as Endpoints have them."""
        found: dict[str, list[int]] = {}
        for subset in self.get("Endpoints", service).get("subsets") or ():
            for address in subset.get("addresses") or ():
                name = address["targetRef"]["name"]
                found[name] = sorted([*found.get(name, []), *(port["port"] for port in subset["ports"])])
        return found

    def conditions(self, service: str) -> list[Item]:
        """Return the conditions of every endpoint of a Service, as EndpointSlices have them."""
        slices = self.items("EndpointSlice", f"kubernetes.io/service-name={service}")
        return [endpoint["conditions"] for each in slices for endpoint in each.get("endpoints") or ()]

    def is_terminating(self, service: str, *, is_serving: bool) -> bool:
        """Tell whether every endpoint of a Service, of which there are some, is terminating and serving or not."""
        conditions = self.conditions(service)
        return bool(conditions) and all(
            each.get("terminating") is True and each.get("serving") is is_serving for each in conditions
        )


@dataclass(frozen=True)
class Service:
    """A Service, and where it answers."""

    namespace: Namespace
    name: str

    @property
    def spec(self) -> Item:
        """The spec as it is now."""
        spec: Item = self.namespace.get("Service", self.name)["spec"]
        return spec

    def patch(self, **spec: Any) -> None:
        """Merge fields into the spec."""
        self.namespace.patch("Service", self.name, {"spec": spec})

    def label(self, name: str, value: str | None) -> None:
        """Set a label, or with None take it away."""
        self.namespace.patch("Service", self.name, {"metadata": {"labels": {name: value}}})

    def delete(self) -> None:
        """Delete it."""
        self.namespace.delete("Service", self.name)

    def at_cluster_ip(self, port: int = SERVICE_HTTP_PORT) -> Place:
        """Return the place of a port at the cluster IP."""
        return Place(self.spec["clusterIP"], port)

    def node_port(self, protocol: str = "TCP") -> int:
        """Return the first node port of a protocol."""
        return next(int(each["nodePort"]) for each in self.spec["ports"] if each["protocol"] == protocol)

    def at_node(self, node: int, protocol: str = "TCP") -> Place:
        """Return the place of the node port at a node."""
        return Place(self.namespace.cluster.address(node), self.node_port(protocol))

    def at_nodes(self, protocol: str = "TCP") -> list[Place]:
        """Return the places of the node port at every node."""
        port, cluster = self.node_port(protocol), self.namespace.cluster
        return [Place(cluster.address(node), port) for node in cluster.nodes]

    def becomes_endpoints(self, wanted: Mapping[str, list[int]]) -> bool:
        """Tell whether its Endpoints are these, ready ports by pod, before long."""
        return eventually(lambda: self.namespace.endpoints(self.name) == wanted)

    def resolve(self) -> str:
        """Return the only address that the cluster's DNS has for its name."""
        name = f"{self.name}.{self.namespace.name}.svc.cluster.local"
        commands = self.namespace.cluster.commands
        assert eventually(lambda: len(commands.dig(name)) == 1), name
        return commands.dig(name)[0]


def assert_reachable(service: Service, client: Client, pods: Collection[str]) -> None:
    """Assert that all pods are reached by name, cluster IP and, for a NodePort Service, every node: and nobody else."""
    cluster_ip = service.at_cluster_ip()
    assert service.resolve() == cluster_ip.address
    assert reaches(client, cluster_ip, pods)
    if service.spec["type"] == "NodePort":
        for place in service.at_nodes():
            assert reaches(client, place, pods), place


def is_ready(pod: Item) -> bool:
    """Tell whether a pod has an address and is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def pod(name: str, node: int, app: str, container: Manifest, **spec: Any) -> Manifest:
    """Return a pod on a node; node 0 leaves that to the scheduler."""
    placed = {"nodeSelector": {"kubernetes.io/hostname": f"node-{node}"}} if node else {}
    labels = {"app": app} if app else {}
    return build_pod(
        name, container, metadata={"labels": labels}, **{"terminationGracePeriodSeconds": 1, **placed, **spec}
    )


def agnhost(*args: str, **fields: Any) -> Manifest:
    """Return a container of the e2e test image."""
    return {"name": "agnhost", "image": AGNHOST, "args": list(args), **fields}


def pause(name: str, node: int, **spec: Any) -> Manifest:
    """Return a pod that does nothing but have an address."""
    return pod(name, node, "", agnhost("pause"), **spec)


def netserver(name: str, node: int, app: str = "netserver", **spec: Any) -> Manifest:
    """Return a pod that answers by HTTP and UDP, as the tests of networking have one on each node."""
    ports = [
        {"name": "http", "containerPort": HTTP_PORT},
        {"name": "udp", "containerPort": UDP_PORT, "protocol": "UDP"},
    ]
    args = ("netexec", f"--http-port={HTTP_PORT}", f"--udp-port={UDP_PORT}")
    return pod(name, node, app, agnhost(*args, ports=ports), **spec)


def patient(manifest: Manifest) -> Manifest:
    """Return a pod that keeps serving while it terminates, for longer than any test takes."""
    hook = {"preStop": {"sleep": {"seconds": PATIENT_SECONDS}}}
    spec = manifest["spec"]
    containers = [{**each, "lifecycle": hook} for each in spec["containers"]]
    return {**manifest, "spec": {**spec, "containers": containers, "terminationGracePeriodSeconds": PATIENT_SECONDS}}


def unready(manifest: Manifest) -> Manifest:
    """Return a pod that runs and is never ready."""
    return ready_with(manifest, "/bin/false")


def ready_with(manifest: Manifest, *command: str) -> Manifest:
    """Return a pod that is ready while a command succeeds."""
    probe = {"exec": {"command": list(command)}, "periodSeconds": 1}
    spec = manifest["spec"]
    return {
        **manifest,
        "spec": {**spec, "containers": [{**each, "readinessProbe": probe} for each in spec["containers"]]},
    }


def namespace_of(cluster: E2ECluster, test: str) -> Namespace:
    """Make a namespace for a test, named after it."""
    name = re.sub("[^a-z0-9]+", "-", test.removeprefix("test_").lower())[:60].strip("-")
    cluster.api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return Namespace(cluster, name)
