"""kubernetes_asyncio: the generated client on aiohttp, which says ``watch=True`` as Python writes it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.stream import WsApiClient
from tests.helpers.cluster.api import GREETING, WEB, APICluster
from tests.helpers.patience import PATIENCE

NAMESPACE = "python-asyncio"
MERGE = "application/merge-patch+json"

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]
"""A watch that is left leaves its connection, which is still being closed, to the garbage collector."""


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Have what a test leaves collected in it, and not in the next one."""
    yield
    gc.collect()


@pytest.fixture
async def api(cluster: APICluster) -> AsyncIterator[Any]:
    async with await config.new_client_from_config(str(cluster.kubeconfig)) as found:
        yield found


@pytest.fixture
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


def service(name: str, port: int = 80) -> Any:
    return client.V1Service(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1ServiceSpec(selector={"app": name}, ports=[client.V1ServicePort(port=port)]),
    )


async def test_an_object_lives_through_all_verbs(core: Any) -> None:
    created = await core.create_namespaced_service(NAMESPACE, service("verbs"))
    assert created.spec.cluster_ip.startswith("127.72.")

    strategic = {"spec": {"ports": [{"name": "old", "port": 80}, {"name": "new", "port": 81}]}}
    patched = await core.patch_namespaced_service("verbs", NAMESPACE, strategic)
    assert {each.port for each in patched.spec.ports} == {80, 81}
    merge = {"metadata": {"annotations": {"a": "b"}}}
    merged = await core.patch_namespaced_service("verbs", NAMESPACE, merge, _content_type=MERGE)
    assert merged.metadata.annotations == {"a": "b"}
    merged.spec.selector = {"app": "other"}
    replaced = await core.replace_namespaced_service("verbs", NAMESPACE, merged)
    assert replaced.spec.selector == {"app": "other"}
    deleted = await core.delete_namespaced_service("verbs", NAMESPACE)
    assert deleted.metadata.uid == created.metadata.uid
    with pytest.raises(client.ApiException) as refused:
        await core.read_namespaced_service("verbs", NAMESPACE)
    assert refused.value.status == 404


async def test_many_requests_at_once_are_all_answered(core: Any) -> None:
    names = [f"many-{number}" for number in range(30)]
    created = await asyncio.gather(*(core.create_namespaced_service(NAMESPACE, service(name)) for name in names))
    assert len({each.spec.cluster_ip for each in created}) == len(names)
    await asyncio.gather(*(core.delete_namespaced_service(name, NAMESPACE) for name in names))


async def test_a_watch_tells_each_change_as_it_is_made(core: Any) -> None:
    version = (await core.list_namespaced_service(NAMESPACE)).metadata.resource_version
    changes = {
        "ADDED": lambda: core.patch_namespaced_service("watched", NAMESPACE, {"metadata": {"labels": {"a": "b"}}}),
        "MODIFIED": lambda: core.delete_namespaced_service("watched", NAMESPACE),
    }

    seen = []
    async with watch.Watch() as watching, asyncio.timeout(PATIENCE):
        await core.create_namespaced_service(NAMESPACE, service("watched"))
        async for event in watching.stream(
            core.list_namespaced_service,
            NAMESPACE,
            resource_version=version,
            field_selector="metadata.name=watched",
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if event["type"] == "DELETED":
                break
            await changes[event["type"]]()
    assert seen == [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")]


async def test_a_watch_that_runs_out_of_time_is_taken_up_again_where_it_was(core: Any) -> None:
    watching = watch.Watch()
    async with asyncio.timeout(PATIENCE):
        first = [
            each["object"].metadata.name
            async for each in watching.stream(core.list_namespaced_service, "default", timeout_seconds=1)
        ]
    assert sorted(first) == ["kubernetes", WEB]
    assert int(watching.resource_version) > 0


async def test_logs_are_read_and_followed(core: Any) -> None:
    assert (await core.read_namespaced_pod_log(WEB, "default")).startswith(f"{GREETING}\n")
    answer = await core.read_namespaced_pod_log(WEB, "default", follow=True, _preload_content=False)
    try:
        async with asyncio.timeout(PATIENCE):
            assert await answer.content.readline() == f"{GREETING}\n".encode()
    finally:
        answer.close()


async def test_a_command_in_a_pod_has_output_input_and_an_exit_code(cluster: APICluster) -> None:
    async with WsApiClient(configuration=await configuration(cluster)) as api:
        core = client.CoreV1Api(api)
        said = await core.connect_get_namespaced_pod_exec(
            WEB, "default", command=["sh", "-c", "echo $POD_IP; echo oh >&2"], stdout=True, stderr=True
        )
        assert sorted(said.split())[1:] == ["oh"]
        assert said.startswith(("127.252.", "oh"))

        session = await core.connect_get_namespaced_pod_exec(
            WEB,
            "default",
            command=["sh", "-c", "read line; exit $line"],
            stdin=True,
            stdout=True,
            _preload_content=False,
        )
        async with session as socket, asyncio.timeout(PATIENCE):
            await socket.send_bytes(b"\x007\n")
            ends = [each.data[1:] async for each in socket if each.data[0] == 3]
        assert [WsApiClient.parse_error_data(each) for each in ends] == [7]


async def configuration(cluster: APICluster) -> Any:
    found = client.Configuration()
    await config.load_kube_config(str(cluster.kubeconfig), client_configuration=found)
    return found
