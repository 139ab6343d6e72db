"""The application of configs/: 18 objects by `kubectl apply -f`, and each does what it says."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, find, running
from tests.helpers.configs import CONFIGS
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred

APP = CONFIGS / "app.yaml"
ACCOUNT = "system:serviceaccount:default:notes"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
API = "https://kubernetes.default.svc/api/v1/namespaces/default"


def test_each_object_of_an_application_does_what_it_says(tmp_path: Path, default_addresses: None) -> None:
    with running(ClusterCommands(tmp_path / "state"), "--sandbox", "namespaces") as cluster:
        found = find_kubectls()
        version = preferred(found)
        kubectl = Kubectl(version, found[version], tmp_path, kubeconfig_of(cluster), tmp_path)
        assert len(kubectl(f"kubectl apply -f {APP}").out.splitlines()) == 18
        assert eventually(lambda: [len(cluster.ready_pods(each)) for each in ("front", "store")] == [2, 2])
        clients_come_by_tls(cluster, kubectl, tmp_path)
        only_the_front_gets_to_the_store(cluster, kubectl)
        the_account_may_what_its_role_says(kubectl)
        evictions_and_replicas_are_held(kubectl)
        jobs_share_a_claim(kubectl)
        a_pod_of_the_store_comes_back_to_its_files(cluster, kubectl)
        deleted = kubectl(f"kubectl delete -f {APP}").out.splitlines()
        assert len(deleted) == 18
        assert eventually(lambda: not cluster.pods())


def clients_come_by_tls(cluster: ClusterCommands, kubectl: Kubectl, folder: Path) -> None:
    trusted = folder / "notes.crt"
    trusted.write_bytes(base64.b64decode(kubectl("kubectl get secret notes-tls -o jsonpath={.data.tls\\\\.crt}").out))
    ingress = find(cluster.status()["ingresses"], name="notes")
    for listener in ingress["listeners"]:
        at = f"notes.example:{listener['port']}"
        way = ("--resolve", f"{at}:{listener['address']}", "--cacert", str(trusted))
        if listener["port"] % 10000 == 443:
            pods = {pod["name"] for pod in cluster.ready_pods("front")}
            assert curl(f"https://{at}/hostname", *way) in pods
        else:
            assert curl(f"http://{at}/", *way, "-o", "/dev/null", "-w", "%{http_code}") == "308"


def only_the_front_gets_to_the_store(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    front = cluster.ready_pods("front")[0]
    asked = "sh -c 'echo $GREETING, $PASSWORD; curl -sS --max-time 5 store-0.store store-1.store'"
    assert kubectl(f"kubectl exec {front['name']} -- {asked}").out.splitlines() == [
        "Notes of the day, open-sesame",
        "store-0",
        "store-1",
    ]
    store = find(cluster.status()["pods"], name="store-0")["podIP"]
    assert curl_result(f"http://{store}/").returncode
    traced = cluster.named("trace", "outside", f"{store}:80", "-o", "json")
    assert json.loads(traced.stdout)["verdict"] == "DROP", traced


def the_account_may_what_its_role_says(kubectl: Kubectl) -> None:
    assert kubectl(f"kubectl auth can-i get configmap/notes --as={ACCOUNT}").out == "yes\n"
    assert kubectl(f"kubectl auth can-i list secrets --as={ACCOUNT}", status=1).out == "no\n"
    header = f'-H "Authorization: Bearer $(cat {TOKEN}/token)"'
    asked = f"sh -c 'curl -sS --cacert {TOKEN}/ca.crt {header} {API}/configmaps/notes'"
    found = json.loads(kubectl(f"kubectl exec deployment/front -- {asked}").out)
    assert found["data"] == {"greeting": "Notes of the day"}


def evictions_and_replicas_are_held(kubectl: Kubectl) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "store-0"}}
    place = "/api/v1/namespaces/default/pods/store-0/eviction"
    refused = kubectl(f"kubectl create --raw {place} -f -", stdin=json.dumps(eviction), status=1)
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused.err
    scaled = kubectl("kubectl get events --field-selector=reason=SuccessfulRescale -o jsonpath={.items[*].message}").out
    assert scaled == "New size: 2; reason: Current number of replicas below Spec.MinReplicas"


def jobs_share_a_claim(kubectl: Kubectl) -> None:
    kubectl("kubectl wait --for=condition=complete job/seed --timeout=20s")
    assert kubectl("kubectl logs job/seed").out == "seeded\n"
    kubectl("kubectl create job now --from=cronjob/backup")
    kubectl("kubectl wait --for=condition=complete job/now --timeout=20s")
    assert kubectl("kubectl logs job/now").out == "first\n"
    kubectl("kubectl delete job now")


def a_pod_of_the_store_comes_back_to_its_files(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    kubectl("kubectl delete pod store-0")
    assert eventually(lambda: len(cluster.ready_pods("store")) == 2)
    assert kubectl("kubectl exec store-0 -c nginx -- cat /usr/share/nginx/html/starts").out == "started\n" * 2
