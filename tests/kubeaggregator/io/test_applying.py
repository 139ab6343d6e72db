"""Objects of an extension API server, applied and deleted as kubectl does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict
from tests.kubeaggregator.io.test_extensions import PATH, Certificates, Extended, certificates, extended

from kubeaggregator.io.applying import apply, delete
from kubeapi.extensions.answers import UNSERVED, ExtensionFound, ExtensionObject
from kubeapi.extensions.apis import ExtensionResource
from kubeapi.meta import JSON, LAST_APPLIED, ObjectKey
from kubeapi.scheme import APISERVICES
from kubeapi.status import FieldError, StatusError

THING = ExtensionResource("Thing", "", "example.com", "v1", namespaced=True)
PLACE = ExtensionResource("Place", "", "example.com", "v1", namespaced=True)
BLOCK: JSON = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "block"},
    "spec": {"color": "red", "sizes": [1, 2]},
}
AT = f"{PATH}/namespaces/default/things/block"
RESOURCES = [
    {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing", "verbs": ["get"]},
    {"name": "places", "singularName": "place", "namespaced": False, "kind": "Place", "verbs": ["get"]},
]

_ = certificates  # the fixture, for the tests of this file


def merged(old: Any, patch: Any) -> Any:
    """Return the result of a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merged(kept.get(name), value)
    return kept


class Things:
    """Answers as an API server that keeps objects, and remembers the requests that change them."""

    def __init__(self) -> None:
        self.objects: dict[str, JSON] = {}
        self.changes: list[str] = []
        self.is_down = False
        self.warnings: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == PATH:
            return web.json_response({"kind": "APIResourceList", "resources": RESOURCES})
        if not request.path.startswith(f"{PATH}/") or self.is_down:
            return web.Response(status=404 if not self.is_down else 503)
        collector = "system:serviceaccount:kube-system:generic-garbage-collector"
        assert request.headers["X-Remote-User"] in ("kubernetes-admin", collector)
        if request.method != "GET":
            self.changes.append(f"{request.method} {request.raw_path} {request.headers['Content-Type']}")
        status, answer = self._do(request.method, request.path, json.loads(await request.read() or b"null"))
        headers = CIMultiDict[str](("Warning", f'299 - "{each}"') for each in self.warnings)
        return web.json_response(answer, status=status, headers=headers)

    def _do(self, method: str, path: str, body: JSON) -> tuple[int, JSON]:
        if method == "POST":
            if body["metadata"]["name"] == "bad":
                causes = [{"reason": "FieldValueInvalid", "field": "spec.color", "message": "no such color"}]
                said = {"reason": "Invalid", "message": "Thing is invalid", "details": {"causes": causes}}
                return 422, {"kind": "Status", "status": "Failure", **said}
            self.objects[f"{path}/{body['metadata']['name']}"] = body
            return 201, body
        if path not in self.objects:
            return 404, {"kind": "Status", "reason": "NotFound", "message": "not found"}
        if method == "PATCH":
            self.objects[path] = merged(self.objects[path], body)
        return 200, self.objects.pop(path) if method == "DELETE" else self.objects[path]


@pytest.fixture
async def things() -> Things:
    return Things()


@pytest.fixture
async def cluster(certificates: Certificates, things: Things) -> AsyncIterator[Extended]:
    async with extended(certificates, answer=things.answer) as found:
        await found.discovered("Current")
        await found.condition("Passed")
        yield found


async def test_an_object_is_created_then_left_alone_then_changed(cluster: Extended, things: Things) -> None:
    assert await apply(cluster.extensions, THING, BLOCK) == ("created", [])
    stored = things.objects[AT]
    assert stored["metadata"]["namespace"] == "default"
    assert json.loads(stored["metadata"]["annotations"][LAST_APPLIED])["spec"] == BLOCK["spec"]
    assert await apply(cluster.extensions, THING, BLOCK) == ("unchanged", [])

    stored["spec"]["owner"] = "somebody else"
    assert await apply(cluster.extensions, THING, {**BLOCK, "spec": {"sizes": [2]}}) == ("configured", [])
    assert things.objects[AT]["spec"] == {"sizes": [2], "owner": "somebody else"}
    query = "fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
    assert things.changes == [
        f"POST {PATH}/namespaces/default/things?{query} application/json",
        f"PATCH {AT}?{query} application/merge-patch+json",
    ]
    assert "namespace" not in BLOCK["metadata"]


async def test_the_warnings_of_the_server_come_once_each(cluster: Extended, things: Things) -> None:
    things.warnings = [r"a \"Thing\" is old", 'use a Toy", 299 - "soon']
    outcome, warnings = await apply(cluster.extensions, THING, BLOCK)
    assert (outcome, warnings) == ("created", ['a "Thing" is old', "use a Toy", "soon"])


async def test_an_object_goes_to_its_namespace_and_one_without_namespaces_to_none(
    cluster: Extended, things: Things
) -> None:
    await apply(cluster.extensions, THING, {**BLOCK, "metadata": {"name": "block", "namespace": "shop"}})
    await apply(cluster.extensions, PLACE, {**BLOCK, "kind": "Place", "metadata": {"name": "here"}})
    assert list(things.objects) == [f"{PATH}/namespaces/shop/things/block", f"{PATH}/places/here"]


async def test_an_object_is_deleted(cluster: Extended, things: Things) -> None:
    await apply(cluster.extensions, THING, BLOCK)
    await delete(cluster.extensions, THING, ObjectKey("", "block"))
    assert things.objects == {}


async def test_a_refusal_is_that_of_the_server(cluster: Extended) -> None:
    with pytest.raises(StatusError) as refused:
        await apply(cluster.extensions, THING, {**BLOCK, "metadata": {"name": "bad"}})
    error = refused.value
    assert (error.code, error.reason, error.message) == (422, "Invalid", "Thing is invalid")
    assert error.causes == (FieldError("FieldValueInvalid", "spec.color", "no such color"),)


async def test_a_kind_that_the_server_does_not_have_is_unknown(cluster: Extended) -> None:
    with pytest.raises(StatusError, match=r'no matches for kind "Toy" in version "example\.com/v1"'):
        await apply(cluster.extensions, ExtensionResource("Toy", "", "example.com", "v1", namespaced=True), BLOCK)


async def test_nothing_is_known_of_a_server_that_does_not_answer(cluster: Extended, things: Things) -> None:
    things.is_down = True
    with pytest.raises(StatusError, match="the extension API server answers with status 503"):
        await apply(cluster.extensions, THING, BLOCK)
    await cluster.stop_extension()
    with pytest.raises(StatusError) as refused:
        await apply(cluster.extensions, THING, BLOCK)
    assert refused.value.code == 503
    cluster.registry.delete(APISERVICES, "", "v1.example.com")
    with pytest.raises(StatusError, match="no matches for kind"):
        await apply(cluster.extensions, THING, BLOCK)


async def test_the_garbage_collector_looks_for_an_owner(cluster: Extended, things: Things) -> None:
    async def found(kind: str, namespace: str, name: str = "block") -> ExtensionFound:
        asked = ExtensionObject("example.com/v1", kind, ObjectKey(namespace, name))
        while (answer := cluster.extensions.told.find(asked)) is None:
            await asyncio.sleep(0.002)
        return answer

    await apply(cluster.extensions, THING, BLOCK)
    owner = await found("Thing", "default")
    assert owner.obj is not None
    assert owner.obj["metadata"]["name"] == "block"
    assert await found("Thing", "shop") == ExtensionFound()
    assert await found("Place", "shop", "here") == ExtensionFound()
    unknown = ExtensionFound(is_known=False)
    assert (await found("Toy", "default"), await found("Thing", "")) == (unknown, unknown)
    things.is_down = True
    assert await found("Thing", "default", "other") == unknown
    cluster.registry.delete(APISERVICES, "", "v1.example.com")
    assert await found("Thing", "default") == UNSERVED


async def test_a_server_that_is_not_there_yet_is_named_with_the_reason(certificates: Certificates) -> None:
    async with extended(certificates, service={"namespace": "default", "name": "none"}) as cluster:
        await cluster.condition("ServiceNotFound")
        async with asyncio.timeout(5):
            with pytest.raises(StatusError) as refused:
                await apply(cluster.extensions, THING, BLOCK)
    assert (refused.value.code, refused.value.message) == (
        503,
        'APIService v1.example.com has no server that answers: service/none in "default" is not present',
    )
