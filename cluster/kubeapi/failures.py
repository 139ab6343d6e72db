"""Unexpected exceptions: each costs one object or one connection, is reported, and the cluster goes on.

Components record them in ``Failures``. It reports each in the log (the traceback once for each place in the code), as a
Warning on the object, and among the cluster's problems until the object can be processed again. Cancellation and
KeyboardInterrupt are not subclasses of Exception, and pass. As apimachinery ``util/runtime`` HandleCrash, except that
Kubernetes then ends the component and starts it again.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource

FORGET_SECONDS = 3600.0
"""How long a failure without an object stays a problem; one of an object stays until that is processed or deleted."""
KEPT = 1000
"""The most failures that are kept as problems: the latest ones."""
LINES = 100
"""Lines in the log for one place in the code; after these only its 128th, 256th, 512th ... failure gets one."""
PLACES = 1000
"""Places in the code that are counted apart; failures in further places are not logged."""
INTERNAL_ERROR = "InternalError"
"""The reason of the event."""
UPGRADED = "; kubesvc's files have changed since this cluster was started: `kubesvc down`, then `kubesvc up`"
"""What an import that fails means: all could be imported when the cluster started, some parts are when first used."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """The object that a failure is about."""

    resource: Resource
    key: ObjectKey

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.key}"


class RemoteError(Exception):
    """An error of another process: its text is what ``describe`` returned there, its traceback is a note."""


class Failure(NamedTuple):
    """A component's failure with an object, or with something in words: the last error, how often, and when last."""

    component: str
    about: Subject | str
    error: str
    times: int
    seen_at: float

    def __str__(self) -> str:
        times = f" ({self.times} times)" if self.times > 1 else ""
        what = f"goes on without {self.about}" if isinstance(self.about, Subject) else f"failed at {self.about}"
        return f"{self.component} {what}: {self.error}{times}; the traceback is in kubesvc.log"


Record = Callable[[str, Subject, str, str], None]
"""Records a Warning: the component, the object, the reason and the message."""


Forward = Callable[[str, Subject | str, BaseException | None], None]
"""Receives every failure: the component, its subject and the error; None when the failure is over."""


class Failures:
    """Records failures. ``clock`` is in seconds.

    ``record`` writes events, and ``exists`` tells whether an object still exists: failures of deleted ones are dropped.
    Where ``forward`` is set, another process reports the failures.
    """

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.record: Record | None = None
        self.forward: Forward | None = None
        self.exists: Callable[[Subject], bool] = lambda _: True
        self._clock = clock
        self._kept: OrderedDict[tuple[str, Subject | str], Failure] = OrderedDict()
        self._places: Counter[tuple[object, ...]] = Counter()

    @contextmanager
    def guard(self, component: str, about: Subject | str) -> Iterator[None]:
        """Record an exception in the block, and suppress it; without one, the failure of the object is over."""
        try:
            yield
        except Exception as error:
            self.note(component, about, error)
        else:
            self.forget(component, about)

    def note(self, component: str, about: Subject | str, error: BaseException, *, reason: str = INTERNAL_ERROR) -> None:
        """Record and report that ``component`` failed with something. Never raises."""
        before = self._kept.pop((component, about), None)
        text = describe(error)
        count = before.times + 1 if before is not None else 1
        self._kept[component, about] = Failure(component, about, text, count, self._clock())
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        if self.forward is not None:
            self.forward(component, about, error)
            return
        self._write(component, about, error, text)
        if self.record is not None and isinstance(about, Subject):
            try:
                self.record(component, about, reason, f"{component} goes on without it: {text}")
            except Exception:
                _log.exception("%s: no event for %s", component, about)

    def forget(self, component: str, about: Subject | str) -> None:
        """Record that ``component`` no longer fails with something, or that it is gone."""
        if self._kept and self._kept.pop((component, about), None) is not None and self.forward is not None:
            self.forward(component, about, None)

    def is_about(self, subject: Subject) -> bool:
        """Tell whether any component goes on without an object."""
        return any(about == subject for _, about in self._kept)

    def read_each(
        self, component: str, resource: Resource, objects: Iterable[JSON], read: Callable[[JSON], T]
    ) -> Iterator[T]:
        """Yield the result of ``read`` for each object; one with which it fails is left out, and a failure."""
        for obj in objects:
            try:
                found = read(obj)
            except Exception as error:
                self.note(component, Subject(resource, key_of(obj)), error)
            else:
                if self._kept:
                    self.forget(component, Subject(resource, key_of(obj)))
                yield found

    def all(self) -> list[Failure]:
        """Return the present problems, the oldest first."""
        oldest = self._clock() - FORGET_SECONDS
        for key, failure in tuple(self._kept.items()):
            if not (self.exists(failure.about) if isinstance(failure.about, Subject) else failure.seen_at >= oldest):
                del self._kept[key]
        return list(self._kept.values())

    def _write(self, component: str, about: Subject | str, error: BaseException, text: str) -> None:
        frames = traceback.walk_tb(error.__traceback__)
        place = (component, type(error), *((frame.f_code, line) for frame, line in frames))
        if place not in self._places and len(self._places) >= PLACES:
            return
        self._places[place] += 1
        count = self._places[place]
        if count == 1:
            _log.error("%s: %s", component, about, exc_info=error)
        elif count <= LINES or count & (count - 1) == 0:
            _log.error("%s: %s: %s (fault %d of this kind, the first has the traceback)", component, about, text, count)


def describe(error: BaseException) -> str:
    """Return an error in one line, with its type: the text of many (KeyError) says nothing without it."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(describe(each) for each in error.exceptions)
    if isinstance(error, RemoteError):
        return str(error)
    if isinstance(error, ImportError):
        return f"{type(error).__name__}: {error}{UPGRADED}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group and in its groups; an error that is no group is the only one."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error
