"""What controllers ask the extension API servers of a cluster: each question is asked once, its answer is kept a while.

What asks is imported for the first question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from kubeapi.extensions.answers import (
    NO_SERVERS,
    NOTHING,
    UNSERVED,
    CustomAsked,
    CustomValues,
    ExtensionContents,
    ExtensionFound,
    ExtensionObject,
    ExtensionUsage,
    ExternalMetric,
    ExternalValues,
    PodsAsked,
)
from kubeapi.metrics.custom import GROUP as CUSTOM
from kubeapi.metrics.usage import GROUP as RESOURCE
from kubeapi.objects.apiservice import APIService

if TYPE_CHECKING:
    from kubeaggregator.io.lookup import Servers

EXTERNAL = "external.metrics.k8s.io"
_METRICS = {(EXTERNAL, "v1beta1"), (RESOURCE, "v1beta1"), (CUSTOM, "v1beta1"), (CUSTOM, "v1beta2")}
"""Groups and versions of the APIs that autoscalers ask."""
FRESH_SECONDS, OWNER_SECONDS = 12.0, 4.0
"""How long an answer is that of one look: of a metric, and of an owner. That is less than until the next look."""

T = TypeVar("T")


class _Asked(NamedTuple):
    """What was asked for; the answer is good until a time of the event loop."""

    until: float
    task: asyncio.Task[Any]


class Answers:
    """Implements ``ExtensionAnswers``. ``close`` ends what is under way."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._sweeps: dict[str, asyncio.Task[ExtensionContents]] = {}
        self._asked: dict[Hashable, _Asked] = {}

    async def close(self) -> None:
        """Ask nothing any more."""
        asked = (*self._sweeps.values(), *(each.task for each in self._asked.values()))
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    def contents(self, namespace: str) -> ExtensionContents:
        """Return what the servers have of a namespace that is being deleted; they begin to delete it if asked first."""
        apis = self._servers.apis.all()
        if not apis:
            return NOTHING
        task = self._sweeps.get(namespace)
        if task is None:
            from kubeaggregator.io.sweeping import sweep

            found = sweep(namespace, self._servers.apis, self._servers.server_of)
            self._sweeps[namespace] = asyncio.get_running_loop().create_task(found, name=f"emptying {namespace}")
            return ExtensionContents(is_pending=True)
        if not task.done():
            return ExtensionContents(is_pending=True)
        del self._sweeps[namespace]
        stale = tuple(f"{each.group}/{each.version}" for each in apis if not self._servers.apis.offer(each).is_current)
        return task.result()._replace(undiscovered=stale)

    def external(self, metric: ExternalMetric) -> ExternalValues | None:
        """Return the values of a metric, None while they are asked for."""
        api = self._metrics_api(EXTERNAL)
        if api is None:
            return NO_SERVERS.external(metric)
        from kubeaggregator.io.metrics import external_values

        return self._fresh(metric, FRESH_SECONDS, lambda: external_values(metric, api, self._servers.server_of(api)))

    def serves(self, group: str) -> bool:
        """Tell whether one of the servers answers for a group of metrics."""
        return self._metrics_api(group) is not None

    def _metrics_api(self, group: str) -> APIService | None:
        """Return the APIService of the version that autoscalers prefer."""
        found = [each for each in self._servers.apis.all() if (each.group, each.version) in _METRICS]
        return max(
            (each for each in found if each.group == group),
            key=lambda each: (each.version_priority, each.version),
            default=None,
        )

    def custom(self, asked: CustomAsked) -> CustomValues | None:
        """Return the values of a metric of custom.metrics.k8s.io, None while they are asked for."""
        api = self._metrics_api(CUSTOM)
        if api is None:
            return NO_SERVERS.custom(asked)
        from kubeaggregator.io.metrics import custom_values

        return self._fresh(asked, FRESH_SECONDS, lambda: custom_values(asked, api, self._servers.server_of(api)))

    def usage(self, pods: PodsAsked) -> ExtensionUsage | None:
        """Return what that one says of pods, None while it is asked."""
        api = self._metrics_api(RESOURCE)
        if api is None:
            return NO_SERVERS.usage(pods)
        from kubeaggregator.io.metrics import pod_usage

        return self._fresh(pods, FRESH_SECONDS, lambda: pod_usage(pods, api, self._servers.server_of(api)))

    def find(self, asked: ExtensionObject) -> ExtensionFound | None:
        """Return what is known of an object, None while it is asked for."""
        group, _, version = asked.api_version.rpartition("/")
        if self._servers.apis.find(group, version) is None:
            return UNSERVED
        from kubeaggregator.io.owners import look_for

        return self._fresh(asked, OWNER_SECONDS, lambda: look_for(asked, self._servers))

    def _fresh(self, asked: Hashable, seconds: float, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return the answer of so many seconds ago, None while it is fetched."""
        now = asyncio.get_running_loop().time()
        self._asked = {each: last for each, last in self._asked.items() if now < last.until or not last.task.done()}
        if asked not in self._asked:
            self._asked[asked] = _Asked(now + seconds, asyncio.create_task(fetch(), name=f"{asked}"))
        task: asyncio.Task[T] = self._asked[asked].task
        return task.result() if task.done() else None
