"""What kubectl streams: logs, exec, attach, cp and port-forward."""

from __future__ import annotations

import sys

import pytest
from tests.helpers.cluster.cli import curl
from tests.helpers.kubectl.cli import OVER_WEBSOCKET, Kubectl

TALK = "import sys; print('one', 'two', 'three', sep=chr(10)); [print('heard', each, end='') for each in sys.stdin]"
FAIL = "import os; print('failing', os.environ['HOSTNAME']); raise SystemExit(3)"

PODS = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: netexec
          image: registry.k8s.io/e2e-test-images/agnhost
          args: [netexec]
          ports: [{{containerPort: 8080, name: http}}]
          readinessProbe: {{httpGet: {{path: /, port: http}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: talk, labels: {{app: talk}}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: talk
      image: python:3
      stdin: true
      command: [{sys.executable}, -uc, "{TALK}"]
    - name: quiet
      image: registry.k8s.io/pause
---
apiVersion: v1
kind: Pod
metadata: {{name: fail}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: fail
      image: python:3
      command: [{sys.executable}, -uc, "{FAIL}"]
"""


@pytest.fixture
def pods(kubectl: Kubectl) -> Kubectl:
    """A web server with a Service, a pod that talks, and one that fails."""
    kubectl.write("pods.yaml", PODS)
    kubectl("kubectl create -f pods.yaml")
    kubectl("kubectl wait --for=condition=Ready pod -l app")
    kubectl.variables["pod"] = kubectl("kubectl get pod -l app=web -o jsonpath={.items[0].metadata.name}").out
    return kubectl


def test_logs_of_pods_containers_workloads_and_the_time_before(pods: Kubectl) -> None:
    pods.session("""
$ kubectl logs talk
Defaulted container "talk" out of: talk, quiet
one
two
three
$ kubectl logs talk -c talk --tail=1
three
$ kubectl logs talk -c talk --limit-bytes=6
one
tw
$ kubectl logs talk -c talk --tail=1 --timestamps
<stamp> three
$ kubectl logs talk -c talk --since=1h --tail=2
two
three
$ kubectl logs talk -c nope
error: container nope is not valid for pod talk
[1]
$ kubectl logs -l app=talk --all-containers --prefix --tail=1
[pod/talk/talk] three
$ kubectl logs nope
error: error from server (NotFound): pods "nope" not found in namespace "<namespace>"
[1]
$ kubectl wait --for=jsonpath={.status.containerStatuses[0].lastState.terminated.reason}=Error pod/fail
pod/fail condition met
$ kubectl logs fail --previous
failing fail
""")
    pods("kubectl exec <pod> -- curl -s http://$POD_IP:8080/hostname", status=None)
    assert pods("kubectl logs deploy/web").status == 0


def test_logs_are_followed_until_the_pod_ends(pods: Kubectl) -> None:
    with pods.terminal("kubectl logs -f talk -c talk", is_tty=False) as logs:
        logs.expect("three\n")
        with pods.terminal("kubectl attach -i talk -c talk", is_tty=False) as attached:
            attached.type("something\n")
            logs.expect("heard something\n")
        pods("kubectl delete pod talk --now --wait=false")
        assert logs.wait() == 0


def test_exec_runs_commands_with_their_streams_and_exit_status(pods: Kubectl) -> None:
    assert pods("kubectl exec <pod> -- echo hello").out == "hello\n"
    said = pods("kubectl exec <pod> -- sh -c 'echo out; echo err >&2; exit 3'", status=3)
    assert (said.out, said.err) == ("out\n", "err\ncommand terminated with exit code 3\n")
    assert pods("kubectl exec -i <pod> -- tr a-z A-Z", stdin="shout").out == "SHOUT"
    assert pods("kubectl exec deploy/web -- sh -c 'echo $HOSTNAME'").out == pods.variables["pod"] + "\n"
    assert pods("kubectl exec <pod> -- hostname").out == pods.variables["pod"] + "\n"
    assert pods("kubectl exec <pod> -- sh -c '/agnhost connect $POD_IP:8080 && echo reached'").out == "reached\n"
    pods.session("""
$ kubectl exec talk -c quiet -- echo here
here
$ kubectl exec talk -c nope -- true
Error from server (BadRequest): container nope is not valid for pod talk
[1]
$ kubectl exec nope -- true
Error from server (NotFound): pods "nope" not found
[1]
""")
    said = pods("kubectl exec <pod> -- /no/such/program", status=None)
    assert said.status != 0
    assert "/no/such/program" in said.err


def test_exec_carries_a_megabyte_either_way(pods: Kubectl) -> None:
    text = "0123456789abcdef" * 65536
    assert pods("kubectl exec -i <pod> -- cat", stdin=text).out == text


def test_exec_goes_over_a_websocket_where_kubectl_wants_it(pods: Kubectl) -> None:
    line = "kubectl exec -v=8 -i <pod> -- sh -c 'cat; echo err >&2; exit 3'"
    said = pods(line, stdin="shout", status=3, env=OVER_WEBSOCKET)
    assert said.out == "shout"
    assert "websocket" in said.err
    # With -v=8 kubectl may log between these two lines that the connection is closed.
    assert "\nerr\n" in said.err
    assert said.err.endswith("\ncommand terminated with exit code 3\n")


def test_exec_in_a_terminal_has_its_size_its_signals_and_its_exit_status(pods: Kubectl) -> None:
    with pods.terminal("kubectl exec -it <pod> -- sh") as shell:
        shell.expect(r"[#$] $")  # before it kubectl may have read the size, and not yet listen for another one
        # A size comes by another way than what is typed, and may come after it.
        shell.resize(33, 111)
        shell.type("until stty size | grep -q '33 111'; do :; done; echo begun with $(stty size)\n")
        shell.expect(r"begun with 33 111$")
        shell.resize(40, 90)
        shell.type("until stty size | grep -q '40 90'; do :; done; echo resized to $(stty size)\n")
        shell.expect(r"resized to 40 90$")
        # The one who prints is the one who gets the signal: a shell that has not yet started sleep would swallow it.
        shell.type("sh -c 'echo $((6 * 7)); exec sleep 100'\n")
        shell.expect(r"\b42$")
        shell.type("\x03")
        shell.type("echo $((7 * 7))\n")
        shell.expect(r"\b49$")
        shell.type("exit 5\n")
        assert "command terminated with exit code 5" in shell.rest()
        assert shell.wait() == 5


def test_attach_joins_the_container_itself(pods: Kubectl) -> None:
    with pods.terminal("kubectl attach -i talk -c talk", is_tty=False) as attached:
        attached.expect("If you don't see a command prompt, try pressing enter.")
        attached.type("something\n")
        attached.expect("heard something\n")
        attached.interrupt()


@pytest.mark.kubectl(since=(1, 27))
def test_run_with_input_from_a_pipe_ends_with_the_input(kubectl: Kubectl) -> None:
    line = "kubectl run -i --rm --restart=Never t --image=busybox -- sh -c 'cat; exit 3'"
    said = kubectl(line, stdin="hello\n", status=3)
    assert "hello\n" in said.out
    assert kubectl("kubectl get pods -o name").out == ""


def test_a_pod_that_was_run_with_a_terminal_is_attached_to_again(kubectl: Kubectl) -> None:
    with kubectl.terminal("kubectl run -it t --image=busybox -- sh") as first:
        first.type("echo $((6 * 7))\n")
        first.expect(r"\b42$")
        first.interrupt()
    with kubectl.terminal("kubectl attach -it t") as second:
        second.type("echo $((7 * 7))\n")
        second.expect(r"\b49$")


def test_a_pod_is_debugged_by_a_container_that_joins_it(pods: Kubectl) -> None:
    pods("kubectl debug talk --profile=general --image=busybox -c once -- sh -c 'echo here; exit 3'")
    pods("kubectl wait pod/talk --for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=3")
    assert pods("kubectl logs talk -c once").out == "here\n"
    with pods.terminal("kubectl debug -it talk --profile=general --image=busybox -c shell -- sh") as shell:
        shell.type("echo in $HOSTNAME\n")
        shell.expect(r"in talk$")
        shell.type("exit\n")
        assert shell.wait() == 0
    assert "Running" in pods("kubectl get pod talk").out


def test_files_are_copied_both_ways(pods: Kubectl) -> None:
    target = pods.folder / "in-the-pod"
    target.mkdir()
    pods.write("here.txt", "a file\n")
    pods(f"kubectl cp here.txt <pod>:{target}/there.txt")
    assert (target / "there.txt").read_text() == "a file\n"
    pods(f"kubectl cp <pod>:{target}/there.txt back.txt")
    assert (pods.folder / "back.txt").read_text() == "a file\n"
    (target / "folder").mkdir()
    (target / "folder" / "inner.txt").write_text("inner\n")
    pods(f"kubectl cp <pod>:{target} whole")
    assert (pods.folder / "whole" / "folder" / "inner.txt").read_text() == "inner\n"


@pytest.mark.parametrize("target", ["pod/<pod>", "svc/web", "deploy/web"])
def test_ports_are_forwarded_to_pods_services_and_deployments(pods: Kubectl, target: str) -> None:
    port = 80 if target.startswith("svc") else 8080
    with pods.terminal(f"kubectl port-forward {target} :{port}", is_tty=False) as forward:
        local = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8080\n")[1]
        for _ in range(3):
            assert curl(f"http://127.0.0.1:{local}/hostname") == pods.variables["pod"]
        forward.expect(f"Handling connection for {local}\n")
        forward.interrupt()


def test_a_forwarded_port_that_nobody_listens_on_ends_the_forwarding(pods: Kubectl) -> None:
    with pods.terminal("kubectl port-forward <pod> :99", is_tty=False) as forward:
        local = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 99\n")[1]
        with pytest.raises(AssertionError):
            curl(f"http://127.0.0.1:{local}/")
        forward.expect(
            f"an error occurred forwarding {local} -> 99: error forwarding port 99 to pod {pods.variables['pod']}"
        )
        forward.expect("error: lost connection to pod")
        assert forward.wait() == 1
