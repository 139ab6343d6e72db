"""NetworkPolicies over pods in networks of their own, with both engines of the proxy, and where pods have none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred, read_table
from tests.helpers.patience import PATIENCE

CLUSTER = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
sandbox: SANDBOX
proxy: {mode: MODE, workers: WORKERS}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: c
    image: agnhost
    args: [netexec, --http-port=8080, --udp-port=8081]
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {port: http, path: /healthz}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: friend, labels: {app: friend}}
spec: {containers: [{name: c, image: agnhost, args: [pause]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: stranger}}
spec: {containers: [{name: c, image: agnhost, args: [pause]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends-only}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}], ports: [{port: http}]}]
"""
NO_WAY_OUT = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: no-way-out}
spec: {podSelector: {matchLabels: {app: friend}}, policyTypes: [Egress]}
"""


@dataclass
class Policed:
    """A running cluster, and kubectl for it."""

    cluster: ClusterCommands
    kubectl: Kubectl

    def apply(self, policy: str) -> None:
        """Have a policy."""
        (self.kubectl.folder / "policy.yaml").write_text(policy)
        self.kubectl("kubectl apply -f policy.yaml")

    def delete(self, name: str) -> None:
        """Have a policy no longer."""
        self.kubectl(f"kubectl delete networkpolicy {name}")

    def reaches(self, pod: str, address: str = "web:80") -> bool:
        """Tell whether a pod connects."""
        return self._connect(pod, address, PATIENCE // 2) == ""

    def hears_nothing(self, pod: str, address: str) -> bool:
        """Tell whether the packets of a pod's connection are dropped."""
        return self._connect(pod, address, 1) == "TIMEOUT"

    def _connect(self, pod: str, address: str, seconds: int) -> str:
        line = f"kubectl exec {pod} -- /agnhost connect {address} --timeout={seconds}s"
        return self.kubectl(line, status=None).err.partition("\n")[0]

    def trace(self, *packet: str) -> dict[str, Any]:
        """Return the trace of a packet."""
        found: dict[str, Any] = json.loads(self.cluster.named("trace", *packet, "-o", "json").stdout)
        return found


def policed(folder: Path, **settings: str) -> Generator[Policed]:
    text = CLUSTER
    for name, value in settings.items():
        text = text.replace(name.upper(), value, 1)
    (folder / "cluster.yaml").write_text(text)
    with running(ClusterCommands(folder / "state"), str(folder / "cluster.yaml")) as cluster:
        found = find_kubectls()
        version = preferred(found)
        yield Policed(cluster, Kubectl(version, found[version], folder, kubeconfig_of(cluster), folder))


def test_without_sandboxes_an_event_says_that_it_does_not_hold(tmp_path: Path, default_addresses: None) -> None:
    with contextlib.closing(policed(tmp_path, sandbox="none", mode="userspace", workers="1")) as running_one:
        none = next(running_one)
        none.apply(POLICY)
        events = "kubectl get events --field-selector involvedObject.kind=NetworkPolicy"
        assert eventually(lambda: "does not hold" in none.kubectl(events).out)


@pytest.fixture(scope="module", params=["userspace", "nftables"])
def pods(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, default_addresses: None
) -> Iterator[Policed]:
    yield from policed(tmp_path_factory.mktemp(request.param), sandbox="namespaces", mode=request.param, workers="2")


def test_a_policy_lets_in_what_it_names_and_its_end_lets_in_all(pods: Policed) -> None:
    assert pods.reaches("stranger")
    pods.apply(POLICY)
    at = f"{pods.cluster.pods('web')[0]['podIP']}:8080"
    for address in ("web:80", at):
        assert pods.reaches("friend", address)
        assert pods.hears_nothing("stranger", address)
    assert read_table(pods.kubectl("kubectl get networkpolicy").out)[0]["POD-SELECTOR"] == "app=web"
    assert "app=friend" in pods.kubectl("kubectl describe networkpolicy friends-only").out
    pods.delete("friends-only")
    assert pods.reaches("stranger")


def test_the_kubelet_s_probes_are_let_in(pods: Policed) -> None:
    pods.apply(POLICY)
    late = "kubectl run late -l app=web --image=agnhost --port=8080 --overrides=OVERRIDES -- netexec --http-port=8080"
    probed = {"name": "late", "readinessProbe": {"httpGet": {"port": 8080, "path": "/healthz"}, "periodSeconds": 1}}
    overrides = json.dumps({"spec": {"containers": [probed]}}, separators=(",", ":"))
    pods.kubectl(late.replace("OVERRIDES", f"'{overrides}' --override-type=strategic"))
    pods.kubectl("kubectl wait --for=condition=Ready pod/late --timeout=30s")
    pods.kubectl("kubectl get --raw /api/v1/namespaces/default/pods/late:8080/proxy/healthz")
    pods.kubectl("kubectl delete pod late --now")
    pods.delete("friends-only")


def test_trace_names_the_policy_that_drops(pods: Policed) -> None:
    pods.apply(POLICY)
    denied = pods.trace("pod/stranger", "svc/web:80")
    why = "NetworkPolicy default/friends-only isolates pod default/web, and no rule lets "
    assert (denied["verdict"], denied["reason"].partition("127.")[0]) == ("DROP", why)
    assert f"{denied['reason']}." in denied["steps"]
    assert denied["endpoints"][0]["whyNot"] == "closed by NetworkPolicy default/friends-only"
    address = pods.cluster.pods("web")[0]["podIP"]
    direct = pods.trace("pod/stranger", f"{address}:9090")
    assert (direct["verdict"], "friends-only" in direct["reason"]) == ("DROP", True)
    assert pods.trace("pod/friend", "svc/web:80")["verdict"] == "FORWARD"
    told = pods.cluster.named("explain", "svc/web").stdout
    assert "NetworkPolicies (friends-only) isolate 1 of 1 pod behind it" in told
    assert "from outside: connections are reset: NetworkPolicy default/friends-only isolates pod default/web" in told
    pods.delete("friends-only")


def test_isolated_egress_reaches_neither_names_nor_services(pods: Policed) -> None:
    address = pods.trace("pod/friend", "svc/web:80")["destination"]["address"]
    pods.apply(NO_WAY_OUT)
    assert pods.hears_nothing("friend", f"{address}:80")
    assert pods.hears_nothing("friend", "127.96.0.10:53")
    assert pods.reaches("stranger")
    pods.delete("no-way-out")
    assert pods.reaches("friend")


def test_a_client_outside_is_judged_by_its_address(pods: Policed) -> None:
    pods.apply(POLICY)
    at = pods.cluster.at("web")

    assert curl_result(f"http://{at}/hostname").returncode
    traced = pods.trace("outside", "svc/web:80")
    assert (traced["verdict"], "resets it" in traced["outcome"]) == ("DROP", True)
    pods.apply(POLICY.replace("{podSelector: {matchLabels: {app: friend}}}", "{ipBlock: {cidr: 0.0.0.0/0}}"))
    assert curl(f"http://{at}/hostname") == "web"
    pods.delete("friends-only")
