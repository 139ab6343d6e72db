"""Documents for a cluster that runs: all or none, and to the end once begun."""

from __future__ import annotations

import asyncio

import pytest
from tests.helpers.kubesvc.ground import add_service, ground
from tests.helpers.kubesvc.input_manifests import load_text
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import SERVICES
from kubemanifest.documents import Document
from kubesvc.run.changes import edits
from kubesvc.run.changes.edits import Editor, apply_edits, identity, read_refusal


def service(name: str, **spec: object) -> str:
    fields = "".join(f", {field}: {value}" for field, value in spec.items())
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]{fields}}}\n"


def documents(*texts: str) -> tuple[Document, ...]:
    return load_text("".join(texts)).documents


def names(registry: Registry) -> set[str]:
    return {each["metadata"]["name"] for each in registry.store.list(SERVICES, "default")} - {"kubernetes"}


async def test_what_is_new_edited_or_the_same_is_said_as_kubectl_does() -> None:
    registry = ground()
    await apply_edits(Editor(registry), documents(service("same"), service("edited")))
    edited = await apply_edits(
        Editor(registry), documents(service("same"), service("edited", sessionAffinity="ClientIP"), service("new"))
    )
    assert edited.refused == []
    assert sorted(map(str, edited.applied)) == [
        "service/edited configured",
        "service/new created",
        "service/same unchanged",
    ]


async def test_an_object_that_may_not_be_changed_so_keeps_all_from_being_applied() -> None:
    registry = ground()
    add_service(registry, clusterIP="127.113.0.7")
    given = documents(service("new"), service("web", clusterIP="127.113.0.8"))
    edited = await apply_edits(Editor(registry), given)
    assert (edited.applied, names(registry)) == ([], {"web"})
    (refusal,) = edited.refused
    said: JSON = refusal.as_json()
    assert said["object"] == identity(given[1]) == ["Service", "default", "web"]
    assert read_refusal(given[1], said).faults() == refusal.faults()
    assert "spec.clusterIPs[0]" in str(refusal.faults()[0])


async def test_once_begun_it_goes_on_though_nobody_waits_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "SLICE_SECONDS", -1.0)
    registry = ground()
    task = asyncio.create_task(
        apply_edits(Editor(registry), documents(*(service(f"s{number}") for number in range(20))))
    )
    while not names(registry):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(names(registry)) < 20
    async with asyncio.timeout(PATIENCE):
        while len(names(registry)) < 20:
            await asyncio.sleep(0)
