"""Stories of pods that are real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubelet.cluster import (
    KubeletCluster,
    children_of,
    is_alive,
    make_pod,
    running_kubelet,
    shell,
    until,
)
from tests.helpers.patience import PATIENCE

from kubeapi.kinds import RESOURCES
from kubeapi.podoptions import PodLogOptions
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import NODES, PODS
from kubeapi.status import StatusError
from kubehost.addresses import Address
from kubelet.nodes import NodeConfig

NETEXEC = {"image": "registry.k8s.io/e2e-test-images/agnhost:2.39", "args": ["netexec"]}


class HighPorts(DirectNetwork):
    """What an ordinary user's machine maps."""

    def bind(self, address: str, port: int) -> Address:
        return address, port + 10000 if port < 1024 else port

    def dial(self, address: str, port: int) -> Address:
        return self.bind(address, port)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    async with running_kubelet(tmp_path, HighPorts()) as cluster:
        yield cluster


async def get(address: str, port: int, path: str = "/") -> str:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_pod_gets_an_address_of_its_node_and_answers_as_soon_as_it_is_ready(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", NETEXEC, node="node-b"))
    await until(lambda: cluster.is_ready("web"))
    status = cluster.pod("web")["status"]
    assert status["podIP"] == "127.246.2.2"
    assert status["podIPs"] == [{"ip": "127.246.2.2"}]
    assert (status["hostIP"], status["phase"], status["qosClass"]) == ("127.169.0.2", "Running", "BestEffort")
    assert [each["type"] for each in status["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    container = status["containerStatuses"][0]
    assert container["containerID"].startswith("kubesvc://")
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    assert "running" in container["state"]
    assert (await get("127.246.2.2", 8080, "/hostname")).endswith("\r\n\r\nweb")
    assert cluster.events("web") == [
        f'Container image "{NETEXEC["image"]}" already present on machine',
        "Created container: c",
        "Started container c",
    ]


async def test_nginx_serves_its_welcome_page_and_logs_to_the_container_log(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", {"image": "nginx"}))
    await until(lambda: cluster.is_ready("web"))
    answer = await get("127.246.1.2", 10080)
    assert "<h1>Welcome to nginx!</h1>" in answer
    assert "\r\nX-Pod: web\r\n" in answer
    await until(lambda: children_of(cluster.pid("web")))
    reader = cluster.kubelet.logs(cluster.key("web"), PodLogOptions(follow=True))
    async with asyncio.timeout(PATIENCE):
        async for chunk in reader:
            if b'"GET / HTTP/1.1" 200' in chunk:
                break
    await reader.aclose()
    pids = [cluster.pid("web"), *children_of(cluster.pid("web"))]
    cluster.registry.delete(PODS, "default", "web")
    await until(lambda: cluster.is_gone("web"))
    assert not any(is_alive(pid) for pid in pids)


async def test_the_nodes_are_registered_with_addresses_and_labels(cluster: KubeletCluster) -> None:
    await until(lambda: len(cluster.store.list(NODES)) == 2)
    node = cluster.store.get(NODES, "", "node-a")
    assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "node-a"
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "a"
    assert node["spec"]["podCIDR"] == "127.246.1.0/24"
    assert node["status"]["addresses"] == [
        {"type": "InternalIP", "address": "127.169.0.1"},
        {"type": "Hostname", "address": "node-a"},
    ]
    assert {each["type"]: each["status"] for each in node["status"]["conditions"]}["Ready"] == "True"
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"] == "kubesvc://0.1.0"


async def test_a_command_sees_its_pod_in_environment_and_arguments(cluster: KubeletCluster) -> None:
    pod = make_pod(
        "job",
        shell("echo $HOSTNAME $POD_IP $PORT $(HOSTNAME) $KUBESVC_CLUSTER; pwd", ports=[{"containerPort": 80}]),
        restartPolicy="Never",
    )
    cluster.run(pod)
    await until(lambda: cluster.phase("job") == "Succeeded")
    said = (await cluster.logs("job")).decode().splitlines()
    assert said == ["job 127.246.1.2 10080 job test", str(cluster.folder)]
    state = cluster.status("job")["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (0, "Completed")


async def test_a_container_that_crashes_is_restarted_then_backs_off_and_keeps_its_logs(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("crash", shell("echo run $(date +%N); exit 3")))
    cluster.run(make_pod("well", NETEXEC))
    await until(
        lambda: (cluster.status("crash").get("state") or {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
    )
    status = cluster.status("crash")
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 3
    uid = cluster.pod("crash")["metadata"]["uid"]
    text = f"Back-off restarting failed container c in pod crash_default({uid})"
    assert cluster.events("crash", "BackOff") == [text]
    current, previous = await cluster.logs("crash"), await cluster.logs("crash", previous=True)
    assert current.startswith(b"run ")
    assert previous.startswith(b"run ")
    assert current != previous
    assert cluster.phase("crash") == "Running"
    assert not cluster.is_ready("crash")
    await until(lambda: cluster.is_ready("well"))


async def test_a_container_that_is_killed_by_hand_comes_back(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", NETEXEC))
    await until(lambda: cluster.is_ready("web"))
    killed = cluster.pid("web")
    os.kill(killed, signal.SIGKILL)
    await until(lambda: cluster.is_ready("web") and cluster.status("web")["restartCount"] == 1)
    assert cluster.status("web")["lastState"]["terminated"]["exitCode"] == 137
    assert cluster.pid("web") != killed
    assert (await get("127.246.1.2", 8080, "/hostname")).endswith("web")


async def test_deletion_waits_for_a_container_that_ends_by_itself(cluster: KubeletCluster) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    cluster.run(make_pod("slow", shell(script)))
    await until(lambda: cluster.pid("slow"))
    await _wait_for_log(cluster, "slow", b"ready")
    pid = cluster.pid("slow")
    cluster.registry.delete(PODS, "default", "slow")
    await until(lambda: cluster.is_gone("slow"))
    assert not is_alive(pid)
    assert cluster.events("slow", "Killing") == ["Stopping container c"]


async def _wait_for_log(cluster: KubeletCluster, name: str, text: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        while text not in await cluster.logs(name):
            await asyncio.sleep(0.01)


async def test_a_container_that_ignores_sigterm_is_killed_after_its_grace_period(cluster: KubeletCluster) -> None:
    cluster.run(
        make_pod(
            "stubborn", shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"), terminationGracePeriodSeconds=1
        )
    )
    await until(lambda: cluster.pid("stubborn"))
    await _wait_for_log(cluster, "stubborn", b"ready")
    pid = cluster.pid("stubborn")
    cluster.registry.delete(PODS, "default", "stubborn")
    await until(lambda: cluster.is_gone("stubborn"))
    assert not is_alive(pid)


async def test_a_pod_deleted_by_force_is_killed(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("gone", shell("trap '' TERM; while :; do sleep 0.05; done")))
    await until(lambda: cluster.pid("gone"))
    pid = cluster.pid("gone")
    cluster.registry.delete(PODS, "default", "gone", DeleteOptions(0))
    await until(lambda: not is_alive(pid))
    await until(lambda: not cluster.kubelet.pids())


async def test_a_readiness_probe_gates_readiness(cluster: KubeletCluster) -> None:
    probe = {"exec": {"command": ["test", "-e", "open"]}, "periodSeconds": 1}
    cluster.run(make_pod("gated", {**NETEXEC, "readinessProbe": probe}))
    await until(lambda: cluster.events("gated", "Unhealthy"))
    await until(lambda: cluster.status("gated").get("started"))
    assert not cluster.is_ready("gated")
    (cluster.folder / "open").touch()
    await until(lambda: cluster.is_ready("gated"))
    (cluster.folder / "open").unlink()


async def test_a_liveness_failure_restarts_the_container(cluster: KubeletCluster) -> None:
    probe = {"httpGet": {"path": "/echo?code=500", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.run(
        make_pod("sick", {**NETEXEC, "ports": [{"name": "http", "containerPort": 8080}], "livenessProbe": probe})
    )
    await until(lambda: cluster.status("sick").get("restartCount", 0) >= 1)
    assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in cluster.events("sick", "Unhealthy")
    assert "Container c failed liveness probe, will be restarted" in cluster.events("sick", "Killing")


async def test_hooks_run_after_the_start_and_before_the_stop(cluster: KubeletCluster) -> None:
    lifecycle = {
        "postStart": {"exec": {"command": ["touch", "started"]}},
        "preStop": {"exec": {"command": ["touch", "stopping"]}},
    }
    cluster.run(make_pod("hooked", {**NETEXEC, "lifecycle": lifecycle}))
    await until((cluster.folder / "started").exists)
    cluster.registry.delete(PODS, "default", "hooked")
    await until(lambda: cluster.is_gone("hooked"))
    assert (cluster.folder / "stopping").exists()


async def test_init_containers_run_before_the_others(cluster: KubeletCluster) -> None:
    init = [{"name": f"i{number}", **shell(f"echo {number} >> order")} for number in range(2)]
    cluster.run(make_pod("ordered", shell("echo main >> order; sleep 1000"), initContainers=init))
    await until(lambda: cluster.is_ready("ordered"))
    await until(lambda: (cluster.folder / "order").read_text() == "0\n1\nmain\n")
    inits = cluster.pod("ordered")["status"]["initContainerStatuses"]
    assert [each["state"]["terminated"]["reason"] for each in inits] == ["Completed", "Completed"]


async def test_an_unknown_image_says_how_to_add_it_and_others_run(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("cache", {"image": "redis:7"}))
    cluster.run(make_pod("web", NETEXEC))
    await until(lambda: cluster.is_ready("web"))
    await until(lambda: cluster.status("cache").get("state"))
    waiting = cluster.status("cache")["state"]["waiting"]
    assert waiting["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert cluster.phase("cache") == "Pending"
    failed = cluster.events("cache", "Failed")
    assert "`images: [{name: redis, command: [...]}]` in the cluster configuration" in failed[0]
    assert failed[1] == "Error: ErrImagePull"


@pytest.mark.parametrize(
    ("kind", "reference", "value"), [("ConfigMap", "configMapKeyRef", "1"), ("Secret", "secretKeyRef", "MQ==")]
)
async def test_a_missing_config_map_or_secret_holds_the_container_until_it_is_there(
    cluster: KubeletCluster, kind: str, reference: str, value: str
) -> None:
    [resource] = [each for each in RESOURCES if each.kind == kind]
    env = [{"name": "X", "valueFrom": {reference: {"name": "settings", "key": "x"}}}]
    cluster.run(make_pod("app", shell("echo x=$X; sleep 1000", env=env)))
    await until(lambda: cluster.events("app", "Failed"))
    await until(lambda: cluster.status("app"))
    missing = f'{kind.lower()} "settings" not found'
    assert cluster.status("app")["state"]["waiting"] == {"reason": "CreateContainerConfigError", "message": missing}
    assert cluster.events("app", "Failed") == [f"Error: {missing}"]
    metadata = {"namespace": "default", "name": "settings"}
    cluster.registry.create(resource, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"x": value}})
    await until(lambda: cluster.is_ready("app"))
    await _wait_for_log(cluster, "app", b"x=1\n")


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ({"image": "x", "command": ["nope"]}, 'exec: "nope": executable file not found in $PATH'),
        ({**shell("true"), "workingDir": "/nope"}, 'chdir to cwd ("/nope") set in config.json failed'),
    ],
    ids=["command not found", "no such folder"],
)
async def test_a_container_that_cannot_start_says_why(
    cluster: KubeletCluster, container: dict[str, object], text: str
) -> None:
    cluster.run(make_pod("broken", container, restartPolicy="Never"))
    await until(lambda: cluster.phase("broken") == "Failed")
    ended = cluster.status("broken")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert text in ended["message"]
    assert text in cluster.events("broken", "Failed")[0]


@pytest.mark.parametrize("command", [["/agnhost"], ["sh", "-c", "/agnhost"]], ids=["itself", "in a script"])
async def test_a_probe_calls_agnhost_where_its_image_has_it(
    cluster: KubeletCluster, tmp_path: Path, command: list[str]
) -> None:
    program = tmp_path / "agnhost"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    path = {"name": "PATH", "value": f"{tmp_path}:/usr/bin:/bin"}
    probe = {"exec": {"command": command}, "periodSeconds": 1}
    cluster.run(make_pod("probed", shell("sleep 60", env=[path], readinessProbe=probe)))
    await until(lambda: cluster.is_ready("probed"))


async def test_fields_that_are_not_emulated_are_reported_in_an_event(cluster: KubeletCluster) -> None:
    container = {**NETEXEC, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    cluster.run(make_pod("stored", container, volumes=[{"name": "v", "emptyDir": {}}]))
    await until(lambda: cluster.is_ready("stored"))
    text = "kubesvc does not emulate spec.volumes; the pod runs without"
    assert cluster.events("stored", "NotEmulated") == [text]


async def test_addresses_go_round_and_a_pod_waits_when_there_is_none(tmp_path: Path) -> None:
    nodes = (NodeConfig("small", "127.169.0.9", "127.246.3.0/30"),)
    async with running_kubelet(tmp_path, nodes=nodes) as cluster:
        cluster.run(make_pod("first", NETEXEC, node="small"))
        await until(lambda: cluster.is_ready("first"))
        cluster.run(make_pod("second", NETEXEC, node="small"))
        await until(lambda: cluster.events("second", "FailedCreatePodSandBox"))
        cluster.registry.delete(PODS, "default", "first")
        await until(lambda: cluster.is_ready("second"))
        assert cluster.pod("second")["status"]["podIP"] == "127.246.3.2"


async def test_shutdown_stops_containers_in_order_and_leaves_the_objects(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", NETEXEC))
    cluster.run(make_pod("stubborn", shell("trap '' TERM; while :; do sleep 0.05; done")))
    await until(lambda: cluster.is_ready("web") and cluster.is_ready("stubborn"))
    pids = [cluster.pid("web"), cluster.pid("stubborn")]
    await cluster.kubelet.shutdown(0.5)
    assert not any(is_alive(pid) for pid in pids)
    assert not cluster.is_gone("web")


@pytest.mark.parametrize(
    ("pod", "container", "previous", "text"),
    [
        ("nope", "", False, 'pods "nope" not found'),
        ("web", "x", False, "container x is not valid for pod web"),
        ("web", "a", True, 'previous terminated container "a" in pod "web" not found'),
        ("web", "", False, "a container name must be specified for pod web, choose one of: [a b]"),
        ("web", "b", False, 'container "b" in pod "web" is waiting to start: image can\'t be pulled'),
    ],
)
async def test_logs_that_are_not_there_are_refused_as_kubectl_tells_it(
    cluster: KubeletCluster, pod: str, container: str, previous: bool, text: str
) -> None:
    cluster.run(make_pod("web", {"name": "a", **NETEXEC}, {"name": "b", "image": "unknown"}))
    await until(lambda: cluster.pid("web", "a") and cluster.status("web", 1).get("state", {}).get("waiting"))
    await until(lambda: cluster.status("web", 1)["state"]["waiting"]["reason"] == "ErrImagePull")
    with pytest.raises(StatusError) as caught:
        cluster.kubelet.logs(cluster.key(pod), PodLogOptions(container, previous=previous))
    assert caught.value.message == text


async def test_a_pod_that_its_node_has_refused_is_said_to_have_no_containers(cluster: KubeletCluster) -> None:
    for name in ("first", "second"):
        cluster.run(make_pod(name, {**NETEXEC, "ports": [{"containerPort": 8080, "hostPort": 8099}]}))

    def refusal() -> str:
        with pytest.raises(StatusError) as caught:
            cluster.kubelet.logs(cluster.key("second"), PodLogOptions())
        return caught.value.message

    await until(lambda: refusal() == "pod second has ended, and its node keeps no containers of it")


async def test_a_log_folder_that_cannot_be_written_does_not_stop_the_pod(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    async with running_kubelet(tmp_path) as cluster:
        cluster.run(make_pod("web", shell("echo hello; sleep 1000")))
        await until(lambda: cluster.is_ready("web"))
        await until(lambda: cluster.events("web", "LogWriteFailed"))
        assert cluster.is_ready("web")


async def test_a_zygote_that_is_killed_costs_one_restart(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", NETEXEC))
    await until(lambda: cluster.is_ready("web"))
    zygote = int(Path(f"/proc/{cluster.pid('web')}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(zygote, signal.SIGKILL)
    await until(lambda: cluster.is_ready("web") and cluster.status("web")["restartCount"] == 1)
    assert (await get("127.246.1.2", 8080, "/hostname")).endswith("web")


async def test_a_pod_of_the_same_name_is_a_new_pod(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", NETEXEC))
    await until(lambda: cluster.is_ready("web"))
    first = cluster.pid("web")
    cluster.registry.delete(PODS, "default", "web", DeleteOptions(0))
    cluster.run(make_pod("web", NETEXEC))
    await until(lambda: cluster.is_ready("web"))
    assert cluster.pod("web")["status"]["podIP"] == "127.246.1.3"
    await until(lambda: not is_alive(first))
    assert cluster.status("web")["restartCount"] == 0


async def test_a_startup_probe_holds_the_other_probes_back(cluster: KubeletCluster) -> None:
    startup = {"exec": {"command": ["test", "-e", "warm"]}, "periodSeconds": 1, "failureThreshold": 30}
    readiness = {"tcpSocket": {"port": 8080}}
    cluster.run(make_pod("slow", {**NETEXEC, "startupProbe": startup, "readinessProbe": readiness}))
    await until(lambda: cluster.events("slow", "Unhealthy"))
    await until(lambda: cluster.status("slow").get("started") is False)
    assert cluster.events("slow", "Unhealthy")[0].startswith("Startup probe failed: ")
    (cluster.folder / "warm").touch()
    await until(lambda: cluster.is_ready("slow"))
    assert cluster.status("slow")["started"]


async def test_a_sidecar_starts_before_the_others_and_ends_after_them(cluster: KubeletCluster) -> None:
    script = "trap 'echo side-stop >> order; exit 0' TERM; echo side >> order; while :; do sleep 0.02; done"
    sidecar = {"name": "s", **shell(script), "restartPolicy": "Always"}
    main = shell("while ! test -s order; do sleep 0.02; done; echo main >> order")
    cluster.run(make_pod("job", main, initContainers=[sidecar], restartPolicy="Never"))
    await until(lambda: (cluster.folder / "order").exists() and "side-stop" in (cluster.folder / "order").read_text())
    assert (cluster.folder / "order").read_text() == "side\nmain\nside-stop\n"
    await until(lambda: cluster.phase("job") == "Succeeded")


async def test_a_dual_stack_pod_has_an_address_of_each_family_and_knows_them(tmp_path: Path) -> None:
    node = NodeConfig("both", "127.169.0.8", "127.246.8.0/24", {}, "::1", "fd00:246:8::/64")
    async with running_kubelet(tmp_path, nodes=(node,)) as cluster:
        cluster.run(make_pod("web", shell("echo $POD_IPS; sleep 60"), node="both"))
        cluster.run(make_pod("host", shell("sleep 60"), node="both", hostNetwork=True))
        await until(lambda: cluster.is_ready("web") and cluster.is_ready("host"))
        await _wait_for_log(cluster, "web", b"127.246.8.2,fd00:246:8::2\n")
        status = cluster.pod("web")["status"]
        assert (status["podIP"], status["podIPs"]) == ("127.246.8.2", [{"ip": "127.246.8.2"}, {"ip": "fd00:246:8::2"}])
        assert (status["hostIP"], status["hostIPs"]) == ("127.169.0.8", [{"ip": "127.169.0.8"}, {"ip": "::1"}])
        assert cluster.pod("host")["status"]["podIPs"] == status["hostIPs"]


async def test_a_host_network_pod_has_the_address_of_its_node(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("host", NETEXEC, hostNetwork=True))
    await until(lambda: cluster.is_ready("host"))
    assert cluster.pod("host")["status"]["podIP"] == "127.169.0.1"
    assert (await get("127.169.0.1", 8080, "/hostname")).endswith("host")


async def test_a_failed_post_start_hook_restarts_the_container(cluster: KubeletCluster) -> None:
    lifecycle = {"postStart": {"exec": {"command": ["sh", "-c", "echo no luck; exit 1"]}}}
    cluster.run(make_pod("hooked", {**NETEXEC, "lifecycle": lifecycle}))
    await until(lambda: cluster.status("hooked").get("restartCount", 0) >= 1)
    assert cluster.events("hooked", "FailedPostStartHook")[0] == "PostStartHook failed: no luck"


async def test_a_restarted_kubelet_runs_the_pods_that_are_left_and_deletes_those_whose_deletion_had_begun(
    tmp_path: Path,
) -> None:
    cluster = KubeletCluster(tmp_path)
    for name in ("web", "leaving", "done"):
        cluster.run(make_pod(name, NETEXEC))
    cluster.registry.delete(PODS, "default", "leaving")
    cluster.registry.update_status(PODS, {**cluster.pod("done"), "status": {"phase": "Succeeded"}})
    for _ in range(2):
        run = asyncio.create_task(cluster.serve())
        await until(lambda: cluster.is_ready("web") and cluster.is_gone("leaving") and cluster.pid("web"))
        assert cluster.phase("done") == "Succeeded"
        assert not cluster.pid("done")
        pid = cluster.pid("web")
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert not is_alive(pid)
        cluster.restart()


async def test_a_log_that_is_followed_ends_with_the_container(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("job", shell("echo one; sleep 0.2; echo two"), restartPolicy="Never"))
    await until(lambda: cluster.pid("job"))
    assert await cluster.logs("job", follow=True) == b"one\ntwo\n"
