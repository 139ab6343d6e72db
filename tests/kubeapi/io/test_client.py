"""The Registry as a component has it: attempts that wait for webhooks, in their order."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.io.client import REPEAT_SECONDS, Client, make_calls
from kubeapi.registry import Registry
from kubeapi.registry.admission import ADMIT_ALL, Admission
from kubeapi.status import NotFound, StatusError
from kubeapi.users import User
from kubeapi.webhooks.calls import Call, CallNeeded, Outcome, Reviews

pytestmark = pytest.mark.looptime
ME = User("me", ())


class Slow:
    """One webhook, which takes a second."""

    def admission(self, user: User, reviews: Reviews | None) -> Admission:
        return ADMIT_ALL

    async def call(self, wanted: Call) -> Outcome:
        await asyncio.sleep(1)
        return Outcome(wanted.uid)


class Writes:
    """Attempts that are made once their webhook has answered; ``done`` are the names of those that were made."""

    def __init__(self) -> None:
        self.answered: set[str] = set()
        self.done: list[str] = []
        self.refusals: list[StatusError] = []

    def __call__(self, name: str) -> partial[str]:
        return partial(self._attempt, name)

    def _attempt(self, name: str, _: Registry) -> str:
        if name.startswith("asked") and name not in self.answered:
            raise CallNeeded(Call("u", "https://x", "", b"", None, 1), lambda _: self.answered.add(name))
        if self.refusals:
            raise self.refusals.pop(0)
        self.done.append(name)
        return name


async def test_a_write_is_made_again_once_its_webhook_has_answered() -> None:
    client, writes = Client(new_registry(), ME, Slow()), Writes()
    assert await client.write(writes("plain")) == "plain"
    assert await client.write(writes("asked")) == "asked"
    assert writes.done == ["plain", "asked"]


async def test_posts_are_made_at_once_or_in_their_order() -> None:
    client, writes = Client(new_registry(), ME, Slow()), Writes()
    client.post(writes("plain"))
    assert writes.done == ["plain"]
    for name in ("asked", "after", "asked-2"):
        client.post(writes(name))
    assert writes.done == ["plain"]
    await asyncio.sleep(3)
    assert writes.done == ["plain", "asked", "after", "asked-2"]


@pytest.mark.parametrize(("refusal", "count"), [(StatusError(403, "Forbidden", "no"), 1), (NotFound, 0)])
async def test_a_refused_post_that_is_repeated_is_made_again_unless_it_came_too_late(
    refusal: StatusError | type, count: int
) -> None:
    client, writes = Client(new_registry(), ME, Slow()), Writes()
    writes.refusals = [refusal if isinstance(refusal, StatusError) else StatusError(404, "NotFound", "gone")]
    client.post(writes("a"), is_repeated=True)
    await asyncio.sleep(REPEAT_SECONDS + 1)
    assert len(writes.done) == count


async def test_a_client_that_is_closed_writes_no_more() -> None:
    client, writes = Client(new_registry(), ME, Slow()), Writes()
    client.post(writes("asked"))
    await client.close()
    client.post(writes("plain"))
    await asyncio.sleep(3)
    assert writes.done == []


async def test_calls_that_may_be_made_side_by_side_are_and_are_kept_as_they_come() -> None:
    kept: list[str] = []
    begun: list[str] = []
    arrives = {name: asyncio.Event() for name in "abc"}

    async def call(wanted: Call) -> Outcome:
        begun.append(wanted.uid)
        await arrives[wanted.uid].wait()
        return Outcome(wanted.uid)

    first, *others = (
        CallNeeded(Call(name, "https://x", "", b"", None, 1), lambda outcome: kept.append(outcome.uid))
        for name in "abc"
    )
    first.others = others
    making = asyncio.create_task(make_calls(first, call))
    for name in "cab":
        await asyncio.sleep(0)
        arrives[name].set()
    await making
    assert (begun, kept) == (["a", "b", "c"], ["c", "a", "b"])
