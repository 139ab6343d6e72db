"""Large bodies in a thread: reading, judging and answering megabytes takes seconds, in which traffic must go on.

The thread shares the interpreter with the event loop in slices. It only reads the Store; every write, and all that a
Service is given, is done by the loop between two of its turns, so that a write is still a transaction. An object that
somebody else has changed meanwhile is a conflict, after which the whole is tried again, as kube-apiserver does
(maxRetryWhenPatchConflicts in handlers/patch.go).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from kubeapi.allocators import Transaction
from kubeapi.faults import Faults, Forward, Subject
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.registry.services import ServiceAllocator
from kubeapi.scheme import Resource
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubeapiserver.messages import Answer, Request, Response

LARGE_BYTES = 64 * 1024
"""Bytes of a body from where on it goes to the thread: some milliseconds of work."""
ATTEMPTS = 5
_CONFLICT = b'"reason":"Conflict"'

T = TypeVar("T")
OnLoop = Callable[..., Any]
"""Calls a function on the event loop and returns or raises what it does."""


class OffLoop:
    """Handles requests in a thread of its own, one after the other; to be made on the running loop.

    ``make`` returns what answers a request with a registry that may be used in the thread; ``count`` is told of answers
    on the loop.
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
        """Take no more requests; one that is being worked off writes nothing any more."""
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

        self._waiting = done
        if self._is_closed:
            raise RuntimeError("the API server has closed")
        self._loop.call_soon_threadsafe(call)
        return done.result()


def _is_conflict(answer: Answer) -> bool:
    return isinstance(answer, Response) and answer.status == 409 and _CONFLICT in answer.body


def _shadow(registry: Registry, on_loop: OnLoop, loop: asyncio.AbstractEventLoop) -> Registry:
    """Return a registry over the same objects that leaves every change of anything to the loop."""
    shadow = copy.copy(registry)
    shadow.store = _LoopStore(registry.store, on_loop, loop)
    shadow.allocator = _LoopAllocator(registry.allocator, on_loop)
    shadow.new_transaction = lambda: _LoopTransaction(on_loop)
    return shadow


class _LoopStore(Store):
    """The same Store: what it holds is shared, and read as it is."""

    def __init__(self, store: Store, on_loop: OnLoop, loop: asyncio.AbstractEventLoop) -> None:
        self.__dict__ = {**store.__dict__}
        self._shared, self._on_loop = store, on_loop
        self.faults = Faults()
        self.faults.forward = _forward(store.faults, loop)

    @property
    def resource_version(self) -> int:  # type: ignore[override]  # the other one's, which counts
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


class _LoopAllocator(ServiceAllocator):
    """The same allocator, used on the loop."""

    def __init__(self, allocator: ServiceAllocator, on_loop: OnLoop) -> None:
        self._shared, self._on_loop = allocator, on_loop

    def allocate(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Give a Service what it lacks."""
        return self._on_loop(self._shared.allocate, new, old, transaction)  # type: ignore[no-any-return]

    def free_unused(self, spec: JSON, old: JSON, transaction: Transaction) -> None:
        """Free what the old object held and the new one does not."""
        self._on_loop(self._shared.free_unused, spec, old, transaction)

    def release(self, service: JSON) -> None:
        """Free all that a deleted Service held."""
        self._on_loop(self._shared.release, service)


class _LoopTransaction(Transaction):
    """One that ends on the loop."""

    def __init__(self, on_loop: OnLoop) -> None:
        super().__init__()
        self._on_loop = on_loop

    def commit(self) -> None:
        """Keep what was taken."""
        self._on_loop(super().commit)

    def rollback(self) -> None:
        """Give back what was taken."""
        self._on_loop(super().rollback)


def _forward(faults: Faults, loop: asyncio.AbstractEventLoop) -> Forward:
    def note(component: str, about: Subject | str, error: BaseException | None) -> None:
        if error is None:
            faults.forget(component, about)
        else:
            faults.note(component, about, error)

    def forward(component: str, about: Subject | str, error: BaseException | None) -> None:
        loop.call_soon_threadsafe(note, component, about, error)

    return forward
