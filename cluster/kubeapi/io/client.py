"""The Registry as one component of the cluster uses it: its writes pass the admission webhooks under its own user name.

A write is an attempt: a function that is given a Registry and does everything at once, without any wait. One that
needs the answer of a webhook has changed nothing; it is made again, from the Store as it is then, once the answer is
there. While no webhook is configured every attempt is made once, by the Registry itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from kubeapi.registry.admission import ADMIT_ALL, Admission
from kubeapi.registry.registry import Registry
from kubeapi.status import InternalError, StatusError
from kubeapi.users import User
from kubeapi.webhooks.calls import CALLS_LIMIT, Call, Caller, CallNeeded, Outcome, Reviews

REPEAT_SECONDS = 5.0
"""Pause before a write that was refused is made again."""
_TOO_LATE = (404, 409)

T = TypeVar("T")


class Admissions(Protocol):
    """The webhooks of a cluster."""

    def admission(self, user: User, reviews: Reviews | None) -> Admission:
        """Return what admits an attempt of a user; ``ADMIT_ALL`` if no webhook is configured."""
        ...

    async def call(self, wanted: Call) -> Outcome:
        """Call a webhook; it never fails."""
        ...


async def make_calls(needed: CallNeeded, call: Caller) -> None:
    """Make the calls that a step needs side by side, and keep what comes of them in the order in which it comes.

    StatusError if one of them can have no outcome.
    """

    async def make(each: CallNeeded) -> None:
        each.keep(await call(each.call))

    if not needed.others:
        await make(needed)
        return
    made = await asyncio.gather(*map(make, (needed, *needed.others)), return_exceptions=True)
    for failure in made:
        if failure is not None:
            raise failure


class Client:
    """Writes as one user. ``admissions`` None: nothing is reviewed. ``close`` ends what is under way."""

    def __init__(self, registry: Registry, user: User, admissions: Admissions | None = None) -> None:
        self.registry = registry
        self._user = user
        self._admissions = admissions
        self._is_closed = False
        self._posted: deque[tuple[Callable[[Registry], object], bool]] = deque()
        self._posting: asyncio.Task[None] | None = None

    @property
    def is_reviewed(self) -> bool:
        """Whether a write may have to wait for a webhook."""
        return self._admissions is not None and self._admissions.admission(self._user, None) is not ADMIT_ALL

    async def write(self, attempt: Callable[[Registry], T]) -> T:
        """Make an attempt until no more webhooks need to be asked, and return its result; StatusError."""
        try:
            return attempt(self._acting(None))
        except CallNeeded as first:
            needed, reviews = first, first.reviews
        for _ in range(CALLS_LIMIT):
            assert self._admissions is not None
            await make_calls(needed, self._admissions.call)
            reviews = needed.reviews or reviews
            try:
                return attempt(self._acting(reviews))
            except CallNeeded as another:
                needed = another
        raise InternalError(f"{CALLS_LIMIT} calls of webhooks did not settle the write")

    def post(self, attempt: Callable[[Registry], object], *, is_repeated: bool = False) -> None:
        """Make an attempt for which nothing waits: at once, or in its turn while webhooks are asked.

        A refusal is ignored; an attempt that ``is_repeated`` is made again after a while, unless it came too late.
        """
        if self._is_closed:
            return
        if self._posting is None:
            try:
                attempt(self._acting(None))
            except CallNeeded:
                task = self._post_all()
                self._posting = asyncio.get_running_loop().create_task(task, name=f"writes of {self._user.name}")
            except StatusError as refusal:
                self._refused(attempt, refusal, is_repeated=is_repeated)
                return
            else:
                return
        self._posted.append((attempt, is_repeated))

    def _refused(self, attempt: Callable[[Registry], object], refusal: StatusError, *, is_repeated: bool) -> None:
        if is_repeated and refusal.code not in _TOO_LATE:
            again = partial(self.post, attempt, is_repeated=True)
            asyncio.get_running_loop().call_later(REPEAT_SECONDS, again)

    async def _post_all(self) -> None:
        try:
            while self._posted:
                attempt, is_repeated = self._posted.popleft()
                try:
                    await self.write(attempt)
                except StatusError as refusal:
                    self._refused(attempt, refusal, is_repeated=is_repeated)
        finally:
            self._posting = None

    def _acting(self, reviews: Reviews | None) -> Registry:
        if self._admissions is None:
            return self.registry
        admission = self._admissions.admission(self._user, reviews)
        return self.registry if admission is ADMIT_ALL else self.registry.acting(admission)

    async def close(self) -> None:
        """Give up the writes that wait."""
        self._is_closed = True
        self._posted.clear()
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.gather(self._posting, return_exceptions=True)
