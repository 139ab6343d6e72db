"""kr8s: asks ``/version/``, pages by a hundred, patches by merge, and offers no subprotocol for port-forward.

It warns of any server that is newer than itself; its newest release is of Kubernetes 1.35.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import kr8s
import pytest
from kr8s.asyncio.objects import ConfigMap, Deployment, Pod, Service
from tests.helpers.cluster.api import GREETING, WEB, WEB_PORT, APICluster
from tests.helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")
NAMESPACE = "kr8s"
LOCAL = ("127.173.0.99", 18080)
"""Where forwarded ports listen: kr8s' own choice of a port may be somebody's by the time that it is bound."""


@pytest.fixture
async def api(cluster: APICluster) -> AsyncIterator[Any]:
    made = await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig), namespace=NAMESPACE)
    yield made
    await made._session.aclose()


async def service(api: Any, name: str, **labels: str) -> Any:
    made = await Service(
        {
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
        },
        api=api,
    )
    await made.create()
    return made


async def test_an_object_lives_through_all_verbs(api: Any) -> None:
    made = await service(api, "verbs")
    assert made.spec.clusterIP.startswith("127.72.")

    await made.label({"team": "blue"})
    await made.annotate({"note": "here"})
    await made.patch({"spec": {"selector": {"tier": "web"}}})
    await made.patch([{"op": "remove", "path": "/spec/selector/app"}], type="json")
    found = await Service.get("verbs", namespace=NAMESPACE, api=api)
    assert (found.labels.team, found.annotations.note) == ("blue", "here")
    assert found.spec.selector == {"tier": "web"}
    await found.delete()
    async with asyncio.timeout(PATIENCE):
        await found.wait("delete")
    assert not await found.exists()


async def test_a_missing_object_is_not_found(api: Any) -> None:
    with pytest.raises(kr8s.NotFoundError):
        await Service.get("nope", namespace=NAMESPACE, api=api)


async def test_a_refusal_carries_the_words_of_the_server(api: Any) -> None:
    bad = await Service({"metadata": {"name": "bad", "namespace": NAMESPACE}, "spec": {"ports": []}}, api=api)
    with pytest.raises(kr8s.ServerError) as refused:
        await bad.create()
    assert 'Service "bad" is invalid: spec.ports: Required value' in str(refused.value)


async def test_lists_are_chosen_by_labels_and_read_in_pages(api: Any) -> None:
    for number in range(3):
        await service(api, f"listed-{number}", listed=str(number))

    chosen = [each.name async for each in api.get("services", label_selector="listed in (1,2)")]
    assert sorted(chosen) == ["listed-1", "listed-2"]
    everywhere = {each.name async for each in api.get("pods", namespace=kr8s.ALL)}
    assert WEB in everywhere
    assert {each.name async for each in api.get("nodes")} == {"node-1", "node-2"}


async def test_kinds_are_looked_up_by_their_short_names(api: Any) -> None:
    assert (await api.lookup_kind("svc"))[:2] == ("service/v1", "services")
    assert {"Deployment", "EndpointSlice"} <= {each["kind"] for each in await api.api_resources()}
    assert "apps/v1" in {each async for each in api.api_versions()}


async def test_a_watch_tells_each_change_as_it_is_made(api: Any) -> None:
    made = await service(api, "watched")
    seen = []
    async with asyncio.timeout(PATIENCE):
        async for change, found in api.watch("services", field_selector="metadata.name=watched"):
            seen.append((change, found.name))
            if change == "DELETED":
                break
            await (made.delete() if change == "MODIFIED" else made.label({"a": "b"}))
    assert seen == [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")]


async def test_a_deployment_is_scaled(api: Any) -> None:
    labels = {"app": "idle"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "idle", "image": "registry.k8s.io/pause"}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    made = await Deployment({"metadata": {"name": "idle", "namespace": NAMESPACE}, "spec": spec}, api=api)
    await made.create()
    async with asyncio.timeout(PATIENCE):
        await made.scale(2)
        async for _, found in made.watch():
            if found.status.get("readyReplicas") == 2:
                break
        assert len(await made.pods()) == 2
        await made.delete(propagation_policy="Foreground")
        await made.wait("delete")


async def test_an_owned_object_goes_with_its_owner(api: Any) -> None:
    owner = await service(api, "owner")
    owned = await ConfigMap({"metadata": {"name": "owned", "namespace": NAMESPACE}}, api=api)
    await owned.create()
    await owner.adopt(owned)
    await owner.delete()
    async with asyncio.timeout(PATIENCE):
        await owned.wait("delete")


async def test_a_pod_is_waited_for_and_its_log_is_read(api: Any) -> None:
    pod = await Pod.get(WEB, namespace="default", api=api)
    async with asyncio.timeout(PATIENCE):
        await pod.wait("condition=Ready")
        lines = [line async for line in pod.logs()]
    assert lines[0] == GREETING


async def test_a_command_in_a_pod_has_output_and_an_exit_code(api: Any) -> None:
    pod = await Pod.get(WEB, namespace="default", api=api)
    async with asyncio.timeout(PATIENCE):
        said = await pod.exec(["sh", "-c", "echo $POD_IP; echo oh >&2; exit 3"], check=False)
    assert said.stdout.startswith(b"127.252.")
    assert (said.stderr, said.returncode) == (b"oh\n", 3)


@pytest.mark.parametrize("kind", [Pod, Service])
async def test_a_forwarded_port_carries_http(api: Any, kind: Any) -> None:
    found = await kind.get(WEB, namespace="default", api=api)
    async with (
        asyncio.timeout(PATIENCE),
        found.portforward(WEB_PORT, local_port=LOCAL[1], address=LOCAL[0]) as port,
        httpx.AsyncClient(trust_env=False) as browser,
    ):
        answer = await browser.get(f"http://{LOCAL[0]}:{port}/", headers={"Connection": "close"})
    assert (answer.status_code, answer.text[:14]) == (200, "<!DOCTYPE HTML")
