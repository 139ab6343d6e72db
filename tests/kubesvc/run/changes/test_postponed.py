"""Documents that a webhook reviews: what comes of them once the cluster runs."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping

import pytest
from tests.helpers.kubesvc.ground import ground
from tests.helpers.kubesvc.input_manifests import load_text
from tests.kubesvc.run.input.test_prepare import IN_SHOP, LISTENER, LISTENERS, POLICY, SHOP, WEB, WEBHOOK

from kubeapi.extensions.apis import ExtensionResource
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import CONFIGMAPS, NAMESPACES, SERVICES
from kubeapi.status import StatusError
from kubeapi.webhooks.calls import Call, Outcome
from kubemanifest.applying import Applied
from kubemanifest.documents import Document
from kubemanifest.reading import Spot, Written
from kubesvc.run.api.admissions import ClusterAdmissions
from kubesvc.run.changes.edits import CallAgain, Editor, Refusal, apply_edits
from kubesvc.run.changes.postponed import Postponed

pytestmark = pytest.mark.looptime


class Answering(ClusterAdmissions):
    """A webhook that answers with ``response``; without one it cannot be called, nor before it ``is_there``."""

    def __init__(self, registry: Registry, response: JSON | None) -> None:
        super().__init__(registry.store, random.Random(1))
        self._response = response
        self.is_there = True
        self.calls = 0

    async def call(self, wanted: Call) -> Outcome:
        self.calls += 1
        await asyncio.sleep(0.01)
        if self._response is None or not self.is_there:
            return Outcome(
                wanted.uid, failure=f'Post "{wanted.url}": dial tcp 127.0.0.1:1: connect: connection refused'
            )
        response = {"uid": wanted.uid, **self._response}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return Outcome(wanted.uid, json.dumps(review).encode())


def documents(*texts: str) -> tuple[Document, ...]:
    return load_text("\n---\n".join(texts)).documents


async def editor(response: JSON | None, *texts: str) -> tuple[Registry, Editor]:
    """Return an editor of a cluster that has the objects of the texts."""
    registry, _, editor = await answering(response, *texts)
    return registry, editor


async def answering(response: JSON | None, *texts: str) -> tuple[Registry, Answering, Editor]:
    """Return the webhook too."""
    registry = ground()
    await apply_edits(Editor(registry), documents(*texts))
    hook = Answering(registry, response)
    return registry, hook, Editor(registry, hook)


def exists(registry: Registry, name: str) -> bool:
    return any(each["metadata"]["name"] == name for each in registry.store.list(NAMESPACES))


async def ready() -> None:
    """Return: all other objects are ready."""


async def never() -> None:
    await asyncio.Event().wait()


async def test_an_object_is_written_once_the_webhook_allows_it() -> None:
    registry, own = await editor({"allowed": True, "warnings": ["a new shop"]}, WEBHOOK)
    postponed = Postponed(documents(SHOP, IN_SHOP), own)
    assert postponed.waiting_for() == [
        "Namespace shop: a webhook reviews it",
        "ConfigMap shop/prices: a webhook reviews it",
    ]
    await postponed.apply(ready)
    assert (postponed.waiting_for(), postponed.faults) == ([], [])
    assert len(registry.store.list(CONFIGMAPS, "shop")) == 1
    assert [(each.name, text) for each, text in postponed.warnings] == [("shop", "a new shop")]


async def test_a_denial_is_the_fault_of_its_object() -> None:
    registry, own = await editor({"allowed": False, "status": {"message": "no more shops"}}, WEBHOOK)
    postponed = Postponed(documents(SHOP), own)
    await postponed.apply(ready)
    assert [str(each) for each in postponed.faults] == [
        '<stdin>:1:46: admission webhook "hook.example.com" denied the request: no more shops'
    ]
    assert postponed.problems() == [f"Namespace shop was refused: {postponed.faults[0]}"]
    assert not exists(registry, "shop")


async def test_what_a_denied_namespace_was_for_is_refused_without_advice_until_it_is_there() -> None:
    registry, own = await editor({"allowed": False}, WEBHOOK)
    postponed = Postponed(documents(IN_SHOP, SHOP), own)
    await postponed.apply(ready)
    assert [(each.line, each.message, each.hint) for each in postponed.faults] == [
        (1, 'namespaces "shop" not found', ""),
        (3, 'admission webhook "hook.example.com" denied the request without explanation', ""),
    ]
    await apply_edits(Editor(registry), documents(SHOP, IN_SHOP))
    assert postponed.faults == []


async def test_the_objects_of_a_kind_whose_definition_is_denied_are_refused() -> None:
    hook = WEBHOOK.replace("[namespaces]", "[customresourcedefinitions]").replace('""', "apiextensions.k8s.io")
    _, own = await editor({"allowed": False}, hook)
    postponed = Postponed(documents(LISTENERS, LISTENER), own)
    await postponed.apply(ready)
    assert [each.message for each in postponed.faults] == [
        'admission webhook "hook.example.com" denied the request without explanation',
        'no matches for kind "Listener" in version "example.com/v1"',
    ]


async def test_a_webhook_that_never_comes_up_holds_nothing_up_for_ever() -> None:
    _, own = await editor(None, WEBHOOK)
    postponed = Postponed(documents(SHOP), own)
    writing = asyncio.create_task(postponed.apply(never))
    await postponed.wait_until_done()
    await writing
    assert [each.message for each in postponed.faults] == [
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        'Post "https://127.0.0.1:1/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused'
    ]


async def test_what_others_wait_for_is_written_as_soon_as_its_webhook_is_there() -> None:
    registry, hook, own = await answering({"allowed": True}, WEBHOOK)
    hook.is_there = False
    postponed = Postponed(documents(SHOP, IN_SHOP), own)
    writing = asyncio.create_task(postponed.apply(never))
    await asyncio.sleep(1)
    assert postponed.waiting_for() == [
        "Namespace shop: a webhook reviews it: "
        'Post "https://127.0.0.1:1/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
        "ConfigMap shop/prices: a webhook reviews it",
    ]
    hook.is_there = True
    async with asyncio.timeout(1):
        await writing
    assert (postponed.faults, exists(registry, "shop")) == ([], True)


async def test_the_failure_of_a_webhook_counts_once_everything_else_is_ready() -> None:
    _, hook, own = await answering(None, WEBHOOK)
    postponed = Postponed(documents(SHOP), own)
    async with asyncio.timeout(1):
        await postponed.apply(ready)
    assert (hook.calls, len(postponed.faults)) == (2, 1)


async def test_a_denial_is_not_asked_for_again() -> None:
    _, hook, own = await answering({"allowed": False}, WEBHOOK)
    await Postponed(documents(SHOP), own).apply(never)
    assert hook.calls == 1


async def test_a_webhook_that_may_fail_lets_the_object_through() -> None:
    registry, own = await editor(None, WEBHOOK + "    failurePolicy: Ignore\n")
    postponed = Postponed(documents(SHOP), own)
    await postponed.apply(ready)
    assert (postponed.faults, exists(registry, "shop")) == ([], True)


class Remote(Editor):
    """Of an extension API server, which answers once it is there."""

    answers: Mapping[str, Applied | StatusError] = {}

    async def apply(self, document: Document, is_called_again: CallAgain | None = None) -> Applied | Refusal:
        answer = self.answers.get(document.name, StatusError(503, "ServiceUnavailable", "not there"))
        return Refusal(document, answer) if isinstance(answer, StatusError) else answer


THING = ExtensionResource("Thing", "", "example.com", "v1", namespaced=True)


async def test_what_an_extension_api_server_has_is_written_once_it_is_there() -> None:
    own = Remote(ground())
    postponed = Postponed([thing("a"), thing("b")], own)
    writing = asyncio.create_task(postponed.apply(ready))
    await asyncio.sleep(60)
    assert postponed.waiting_for() == [
        "Thing a: its API server does not answer: not there",
        "Thing b: its API server does not answer",
    ]
    own.answers = {"b": Applied(THING, "", "b", "created")}
    await asyncio.sleep(1)
    assert postponed.waiting_for() == ["Thing a: its API server does not answer: not there"]
    own.answers = {"a": StatusError(422, "Invalid", "no such color")}
    await writing
    assert postponed.problems() == ["Thing a was refused: things.yaml:1:1: no such color"]


def thing(name: str) -> Document:
    return Document({"kind": "Thing", "metadata": {"name": name}}, "things.yaml", Spot(Written("", 0, 0)), custom=THING)


async def test_an_edit_waits_a_while_for_an_extension_api_server() -> None:
    own, loop = Remote(ground()), asyncio.get_running_loop()
    begun = loop.time()
    edited = await apply_edits(own, [thing("a"), thing("b")], 5.0)
    assert [each.error.message for each in edited.refused] == ["not there", "not there"]
    assert 5.0 <= loop.time() - begun < 6.0
    loop.call_later(3.0, setattr, own, "answers", {"a": Applied(THING, "", "a", "created")})
    edited = await apply_edits(own, [thing("a")], 5.0)
    assert [str(each) for each in edited.applied] == ["thing.example.com/a created"]


async def test_policies_review_what_a_running_cluster_is_given() -> None:
    registry, own = await editor(None, POLICY.replace("ACTION", "Deny"))
    edited = await apply_edits(own, documents(WEB))
    assert [each.error.message.partition(" denied request: ")[2] for each in edited.refused] == ["say whose it is"]
    assert [each["metadata"]["name"] for each in registry.store.list(SERVICES, "default")] == ["kubernetes"]


async def test_policies_keep_all_of_an_edit_from_being_applied() -> None:
    registry, own = await editor(None, WEB, POLICY.replace("ACTION", "Deny").replace("CREATE", "UPDATE"))
    edited = await apply_edits(own, documents(SHOP, WEB.replace("80", "81")))
    assert ([each.document.name for each in edited.refused], edited.applied) == (["web"], [])
    assert not exists(registry, "shop")


async def test_what_policies_warn_of_comes_with_the_document() -> None:
    _, own = await editor(None, POLICY.replace("ACTION", "Warn"))
    edited = await apply_edits(own, documents(WEB))
    assert [str(each) for each in edited.applied] == ["service/web created"]
    assert [(each.name, text.rpartition(": ")[2]) for each, text in edited.warnings] == [("web", "say whose it is")]
