"""Stories of volumes: pods in sandboxes, and what of it there is without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubelet.cluster import SANDBOXES, KubeletCluster, make_pod, running_kubelet, shell, until
from tests.helpers.objects import build

from kubeapi.kinds.configmap import KIND as CONFIG_MAPS
from kubeapi.kinds.secret import KIND as SECRETS
from kubeapi.meta import JSON
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import PODS

SLEEP = "exec sleep 1000"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    async with running_kubelet(tmp_path, sandboxes=SANDBOXES) as cluster:
        yield cluster


def config_map(name: str, **entries: str) -> JSON:
    return build("ConfigMap", name, "default", data=entries)


def mounted(name: str, path: str, **options: Any) -> JSON:
    return {"name": name, "mountPath": path, **options}


async def test_each_kind_of_volume_is_where_the_container_wants_it(cluster: KubeletCluster, tmp_path: Path) -> None:
    cluster.registry.create(CONFIG_MAPS.resource, config_map("settings", mode="fast", level="3"))
    cluster.registry.create(SECRETS.resource, build("Secret", "keys", "default", stringData={"key": "secret"}))
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_text("of the machine")
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "me", "downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "keys"}}]}},
        {"name": "machine", "hostPath": {"path": str(tmp_path / "shared"), "type": "Directory"}},
        {"name": "empty", "emptyDir": {}},
    ]
    mounts = [
        mounted("settings", "/etc/app"),
        mounted("settings", "/etc/one.conf", subPath="mode"),
        mounted("keys", "/var/run/keys"),
        mounted("me", "/pod"),
        mounted("all", "/all"),
        mounted("machine", "/machine"),
        mounted("empty", "/data"),
        mounted("settings", "/data/deep/settings"),
    ]
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=mounts), volumes=volumes))
    await until(lambda: cluster.is_ready("web"))
    read = "cat /etc/app/level /etc/one.conf /var/run/keys/key /pod/name /all/mode /all/key /machine/file"
    assert await cluster.sh("web", read) == "3fastsecretwebfastsecretof the machine"
    assert await cluster.sh("web", "stat -Lc %a /var/run/keys/key /data; ls /data/deep/settings") == (
        "400\n777\nlevel\nmode"
    )
    assert await cluster.sh("web", "stat -c %a /etc/app /var/run/keys /pod /all") == "777\n1777\n1777\n1777"
    assert "Read-only file system" in await cluster.sh("web", "touch /etc/app/new")
    assert cluster.events("web", "NotEmulated") == []


async def test_a_changed_object_changes_the_files_but_not_those_of_a_sub_path(cluster: KubeletCluster) -> None:
    stored = cluster.registry.create(CONFIG_MAPS.resource, config_map("settings", mode="fast"))
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    mounts = [mounted("settings", "/all"), mounted("settings", "/one", subPath="mode")]
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=mounts), volumes=[volume]))
    await until(lambda: cluster.is_ready("web"))
    cluster.registry.update(CONFIG_MAPS.resource, {**stored, "data": {"mode": "slow", "more": "x"}})
    wait = "until [ -e /all/more ]; do sleep 0.01; done; cat /all/mode /one"
    assert await cluster.sh("web", wait) == "slowfast"


async def test_changed_labels_change_the_file_that_has_them(cluster: KubeletCluster) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    volume = {"name": "me", "downwardAPI": {"items": items}}
    pod = cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("me", "/me")]), volumes=[volume]))
    await until(lambda: cluster.is_ready("web"))
    labels = {**pod["metadata"]["labels"], "tier": "front"}
    stored = cluster.pod("web")
    cluster.registry.update(PODS, {**stored, "metadata": {**stored["metadata"], "labels": labels}})
    assert await cluster.sh("web", "until grep tier /me/labels; do sleep 0.01; done") == 'tier="front"'


async def test_a_program_is_found_in_the_machines_tmp_and_another_name_there_is_its_own(
    cluster: KubeletCluster, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    cluster.run(make_pod("web", {"image": "x", "command": [str(program), "/tmp/kubesvc-no-such/file"]}))
    await until(lambda: cluster.is_ready("web"))
    script = f"[ -x {program} ] && [ ! -e /tmp/kubesvc-no-such ] && touch /tmp/kubesvc-made && echo yes"
    assert await cluster.sh("web", script) == "yes"
    assert not Path("/tmp/kubesvc-made").exists()


async def test_a_pod_waits_for_an_object_that_is_missing_and_says_so(cluster: KubeletCluster) -> None:
    volume = {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "mode", "path": "m"}]}}
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("settings", "/s")]), volumes=[volume]))
    failed = 'MountVolume.SetUp failed for volume "settings" : '
    await until(lambda: f'{failed}configmap "settings" not found' in cluster.events("web", "FailedMount"))
    # The event may come before the status is written.
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    await until(lambda: cluster.status("web").get("state") == waiting)
    stored = cluster.registry.create(CONFIG_MAPS.resource, config_map("settings", other="x"))
    key = f"{failed}configmap references non-existent config key: mode"
    await until(lambda: key in cluster.events("web", "FailedMount"))
    cluster.registry.update(CONFIG_MAPS.resource, {**stored, "data": {"mode": "fast"}})
    await until(lambda: cluster.is_ready("web"))
    assert await cluster.sh("web", "cat /s/m") == "fast"


async def test_containers_share_an_empty_folder_which_outlives_them_and_ends_with_the_pod(
    cluster: KubeletCluster, tmp_path: Path
) -> None:
    volumes = [
        {"name": "disk", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ]
    mounts = [mounted("disk", "/disk"), mounted("memory", "/memory")]
    script = (
        "for each in disk memory; do echo run >> /$each/runs; done; [ $(wc -l < /disk/runs) = 1 ] || exec sleep 1000"
    )
    cluster.run(
        make_pod(
            "two", shell(script, volumeMounts=mounts), shell(SLEEP, name="d", volumeMounts=mounts), volumes=volumes
        )
    )
    await until(lambda: cluster.status("two").get("restartCount") == 1 and cluster.is_ready("two"))
    assert await cluster.sh("two", "cat /disk/runs /memory/runs", "d") == "run\n" * 3 + "run"
    assert "No space left" in await cluster.sh("two", "head -c 2M /dev/zero > /memory/big")
    cluster.registry.delete(PODS, "default", "two", DeleteOptions(0))
    # What is left are the tools of pods in their nodes' network, which are the kubelet's.
    await until(lambda: cluster.is_gone("two") and [each.name for each in (tmp_path / "pods").iterdir()] == ["bin"])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Directory", "hostPath type check failed: {path} is not a directory"),
        ("File", "hostPath type check failed: {path} is not a file"),
        ("FileOrCreate", "{path}: no such file or directory"),
        ("Socket", "hostPath type check failed: {path} is not a socket file"),
    ],
)
async def test_a_path_of_the_machine_is_checked(cluster: KubeletCluster, tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / "no" / "such"
    volume = {"name": "v", "hostPath": {"path": str(path), "type": kind}}
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("v", "/v")]), volumes=[volume]))
    expected = f'MountVolume.SetUp failed for volume "v" : {text.format(path=path)}'
    await until(lambda: cluster.events("web", "FailedMount") == [expected])


async def test_a_path_of_the_machine_is_made_where_that_is_asked(cluster: KubeletCluster, tmp_path: Path) -> None:
    path = tmp_path / "made" / "deep"
    volume = {"name": "v", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("v", "/v")]), volumes=[volume]))
    await until(lambda: cluster.is_ready("web"))
    await cluster.sh("web", "touch /v/file")
    assert (path / "file").exists()


async def test_the_files_of_an_image_can_be_read_whole_or_in_part(cluster: KubeletCluster) -> None:
    volumes = [{"name": "site", "image": {"reference": "nginx:1.27"}}]
    mounts = [mounted("site", "/site"), mounted("site", "/html", subPath="usr/share/nginx/html")]
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=mounts), volumes=volumes))
    await until(lambda: cluster.is_ready("web"))
    assert await cluster.sh("web", "ls /site /html") == "/html:\n50x.html\nindex.html\n\n/site:\netc\nusr"
    assert "Read-only file system" in await cluster.sh("web", "touch /site/new")


async def test_a_container_with_the_files_of_an_unknown_image_waits_for_it(cluster: KubeletCluster) -> None:
    volumes = [{"name": "model", "image": {"reference": "my/model:1"}}]
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("model", "/model")]), volumes=volumes))
    await until(lambda: "my/model" in cluster.status("web").get("state", {}).get("waiting", {}).get("message", ""))
    assert "Image" in cluster.status("web")["state"]["waiting"]["reason"]
    (failed, *_) = cluster.events("web", "Failed")
    assert failed.startswith('Failed to pull image "my/model:1": ') and "give the container" not in failed


async def test_a_link_out_of_a_volume_is_not_followed(cluster: KubeletCluster) -> None:
    maker = shell("ln -s /etc /v/link", name="maker", volumeMounts=[mounted("v", "/v")])
    user = shell(SLEEP, volumeMounts=[mounted("v", "/outside", subPath="link")])
    cluster.run(make_pod("web", user, initContainers=[maker], volumes=[{"name": "v", "emptyDir": {}}]))
    said = 'failed to prepare subPath for volumeMount "/outside": not within the volume'
    await until(lambda: any(said in each for each in cluster.events("web", "Failed")))


async def test_a_volume_that_cannot_be_written_holds_the_pod_until_it_can(
    cluster: KubeletCluster, tmp_path: Path
) -> None:
    cluster.registry.create(CONFIG_MAPS.resource, config_map("settings", mode="fast"))
    (tmp_path / "pods").mkdir(exist_ok=True)
    (tmp_path / "pods").rename(tmp_path / "away")
    (tmp_path / "pods").write_text("in the way, as a disk without room would be")
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("settings", "/s")]), volumes=[volume]))
    await until(lambda: any("not a directory" in each for each in cluster.events("web", "FailedMount")))
    (tmp_path / "pods").unlink()
    await until(lambda: cluster.is_ready("web"))
    assert await cluster.sh("web", "cat /s/mode") == "fast"


async def test_a_container_leaves_its_last_message_in_a_file_or_in_its_log(cluster: KubeletCluster) -> None:
    said = shell("echo from the file > /dev/termination-log; exit 3", name="said")
    elsewhere = shell("echo elsewhere > /x/why", name="elsewhere", terminationMessagePath="/x/why")
    logged = shell("echo from the log; exit 3", name="logged", terminationMessagePolicy="FallbackToLogsOnError")
    silent = shell("echo from the log; exit 3", name="silent")
    cluster.run(make_pod("last", said, elsewhere, logged, silent, restartPolicy="Never"))
    await until(lambda: cluster.phase("last") == "Failed")
    ends = [cluster.status("last", number)["state"]["terminated"] for number in range(4)]
    messages = ["from the file\n", "elsewhere\n", "from the log", None]
    assert [each.get("message") for each in ends] == messages


async def test_a_pod_may_set_what_is_safe_in_its_own_namespaces(cluster: KubeletCluster) -> None:
    def with_setting(name: str, value: str) -> JSON:
        return {"sysctls": [{"name": name, "value": value}]}

    safe = with_setting("net.ipv4.ip_local_port_range", "40000 40100")
    cluster.run(make_pod("safe", shell(SLEEP), securityContext=safe))
    cluster.run(make_pod("unsafe", shell(SLEEP), securityContext=with_setting("vm.swappiness", "1")))
    await until(lambda: cluster.is_ready("safe") and cluster.phase("unsafe") == "Failed")
    assert (await cluster.sh("safe", "cat /proc/sys/net/ipv4/ip_local_port_range")).split() == ["40000", "40100"]
    text = 'forbidden sysctl: "vm.swappiness" not allowlisted'
    assert cluster.events("unsafe", "SysctlForbidden") == [text]
    assert cluster.pod("unsafe")["status"]["message"] == f"Pod was rejected: {text}"


async def test_a_container_is_another_user_also_in_its_commands(cluster: KubeletCluster) -> None:
    context = {"runAsUser": 1234, "runAsGroup": 5678, "readOnlyRootFilesystem": True}
    cluster.run(make_pod("web", shell(f"id -u; id -g; {SLEEP}", securityContext=context)))
    await until(lambda: cluster.is_ready("web"))
    assert (await cluster.sh("web", "id -u; id -g; touch /tmp/x")).split()[:2] == ["1234", "5678"]
    assert "Read-only file system" in await cluster.sh("web", "touch /tmp/x")


async def test_commands_run_beside_a_built_in_server_of_another_user(cluster: KubeletCluster) -> None:
    context = {"runAsUser": 1234, "runAsGroup": 5678}
    cluster.run(make_pod("web", {"image": "agnhost", "args": ["pause"], "securityContext": context}))
    await until(lambda: cluster.is_ready("web"))
    assert (await cluster.sh("web", "id -u; id -g; cat /proc/1/comm")).split() == ["1234", "5678", "agnhost"]


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
        ({"capabilities": {"add": ["FLY"]}}, 'unknown capability "CAP_FLY"'),
    ],
)
async def test_a_container_whose_privileges_are_impossible_waits(
    cluster: KubeletCluster, context: JSON, text: str
) -> None:
    cluster.run(make_pod("web", shell(SLEEP, securityContext=context)))
    await until(
        lambda: cluster.status("web").get("state", {}).get("waiting", {}).get("reason", "").startswith("CreateC")
    )
    assert text in cluster.status("web")["state"]["waiting"]["message"]


async def test_without_sandboxes_the_files_exist_and_the_pod_says_that_they_are_not_mounted(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:
        cluster.registry.create(CONFIG_MAPS.resource, config_map("settings", mode="fast"))
        volume = {"name": "settings", "configMap": {"name": "settings"}}
        pod = cluster.run(make_pod("web", shell(SLEEP, volumeMounts=[mounted("settings", "/s")]), volumes=[volume]))
        await until(lambda: cluster.is_ready("web"))
        files = tmp_path / "pods" / pod["metadata"]["uid"] / "_volumes" / "settings"
        assert await asyncio.to_thread((files / "mode").read_text) == "fast"
        assert cluster.events("web", "NotEmulated") == ["kubesvc does not emulate spec.volumes; the pod runs without"]
