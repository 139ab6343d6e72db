"""Requests with large bodies, in a thread: decoding and validating megabytes takes seconds, and would stop traffic.

The thread shares the interpreter with the event loop. It only reads the Store; writes and allocations are calls on
the loop, so that a write is still a transaction. If the object was changed meanwhile, the write is a conflict and the
request is tried again, as kube-apiserver does (maxRetryWhenPatchConflicts in handlers/patch.go).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from kubeapi.allocation.allocator import Allocator, Records
from kubeapi.allocation.pools import Transaction
from kubeapi.failures import Failures, Forward, Subject
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import Resource
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubeapiserver.messages import Answer, Request, Response

LARGE_BYTES = 64 * 1024
"""Size from which a body is handled in the thread: some milliseconds of work."""
ATTEMPTS = 5
_CONFLICT = b'"reason":"Conflict"'

T = TypeVar("T")
OnLoop = Callable[..., Any]
"""Calls a function on the event loop and returns or raises what it does."""


class LargeRequests:
    """Handles requests in a thread, one after the other; to be made on the running loop.

    ``make`` is given a registry that may be used in the thread, and returns what answers a request there. ``count`` is
    called with each answer on the loop.
    """

    def __init__(
        self,
        registry: Registry,
        make: Callable[[Registry], Callable[[Request], Answer]],
        count: Callable[[Request, Answer], None],
    ) -> None:
        self._count = count
        self._is_closed = False
        self._waiting: Future[Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="large requests")
        self._handle = make(_shadow(registry, self._on_loop, self._loop))

    async def handle(self, request: Request) -> Answer:
        """Answer a request."""
        answer = await self._loop.run_in_executor(self._thread, self._try, request)
        self._count(request, answer)
        return answer

    def close(self) -> None:
        """Accept no more requests; the one in the thread cannot write any more."""
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _try(self, request: Request) -> Answer:
        for _ in range(ATTEMPTS):
            answer = self._handle(request)
            if not _is_conflict(answer):
                break
        return answer

    def _on_loop(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        done: Future[T] = Future()

        def call() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(function(*arguments, **named))
            except BaseException as error:
                done.set_exception(error)

        # Set before the check, so that ``close``, which runs on the loop, either is seen here or cancels ``done``.
        self._waiting = done
        if self._is_closed:
            raise RuntimeError("the API server has closed")
        self._loop.call_soon_threadsafe(call)
        return done.result()


def _is_conflict(answer: Answer) -> bool:
    return isinstance(answer, Response) and answer.status == 409 and _CONFLICT in answer.body


def _shadow(registry: Registry, on_loop: OnLoop, loop: asyncio.AbstractEventLoop) -> Registry:
    """Return a registry over the same objects that makes every change on the loop."""
    shadow = copy.copy(registry)
    shadow.store = _LoopStore(registry.store, on_loop, loop)
    shadow.allocators = {each: _LoopAllocator(allocator, on_loop) for each, allocator in registry.allocators.items()}
    shadow.new_transaction = lambda: _LoopTransaction(on_loop)
    return shadow


class _LoopStore(Store):
    """The same Store, written on the loop; objects are read directly, as stored objects never change."""

    def __init__(self, store: Store, on_loop: OnLoop, loop: asyncio.AbstractEventLoop) -> None:
        self.__dict__ = {**store.__dict__}  # the same collections of objects, not copies of them
        self._shared, self._on_loop = store, on_loop
        self.failures = Failures()
        self.failures.forward = _forward(store.failures, loop)

    @property
    def resource_version(self) -> int:  # type: ignore[override]  # the shared Store counts
        """The version of the last write."""
        return self._shared.resource_version

    def create(self, resource: Resource, obj: JSON) -> JSON:
        """Store a new object."""
        return self._on_loop(self._shared.create, resource, obj)  # type: ignore[no-any-return]

    def update(self, resource: Resource, obj: JSON) -> JSON:
        """Replace an object."""
        return self._on_loop(self._shared.update, resource, obj)  # type: ignore[no-any-return]

    def delete(self, resource: Resource, namespace: str, name: str) -> JSON:
        """Remove an object."""
        return self._on_loop(self._shared.delete, resource, namespace, name)  # type: ignore[no-any-return]

    def list(self, resource: Resource, namespace: str = "") -> list[JSON]:
        """Return the objects of one namespace, or of all."""
        return self._on_loop(self._shared.list, resource, namespace)  # type: ignore[no-any-return]


class _LoopAllocator:
    """The same allocator, used on the loop."""

    def __init__(self, allocator: Allocator, on_loop: OnLoop) -> None:
        self._shared, self._on_loop = allocator, on_loop

    def adopt(self, obj: JSON) -> None:
        """Take what a stored object holds."""
        self._on_loop(self._shared.adopt, obj)

    def allocate(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Give an object what it lacks."""
        return self._on_loop(self._shared.allocate, new, old, transaction)  # type: ignore[no-any-return]

    def validate(self, obj: JSON) -> Iterator[FieldError]:
        """Yield the faults that follow from the settings of the cluster, which never change."""
        return self._shared.validate(obj)

    def records(self, new: JSON | None, old: JSON | None) -> Records:
        """Return the objects that tell of a write."""
        return self._shared.records(new, old)

    def release(self, obj: JSON) -> None:
        """Free all that a deleted object held."""
        self._on_loop(self._shared.release, obj)


class _LoopTransaction(Transaction):
    """A transaction that ends on the loop."""

    def __init__(self, on_loop: OnLoop) -> None:
        super().__init__()
        self._on_loop = on_loop

    def commit(self) -> None:
        """Keep the allocations."""
        self._on_loop(super().commit)

    def rollback(self) -> None:
        """Free the allocations."""
        self._on_loop(super().rollback)


def _forward(failures: Failures, loop: asyncio.AbstractEventLoop) -> Forward:
    def note(component: str, about: Subject | str, error: BaseException | None) -> None:
        if error is None:
            failures.forget(component, about)
        else:
            failures.note(component, about, error)

    def forward(component: str, about: Subject | str, error: BaseException | None) -> None:
        loop.call_soon_threadsafe(note, component, about, error)

    return forward
