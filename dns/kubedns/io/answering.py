"""What answers by one configuration: the zone, which follows the cluster's objects, and what is made from it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from kubeapi.failures import Failures
from kubeapi.io.informer import Informer
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource
from kubeapi.watching import Delta, ListerWatcher
from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.io.asking import PendingQueries
from kubedns.io.forward import Forwarder
from kubedns.responder import Responder
from kubedns.types import Owner
from kubedns.zone import Records, Zone

NAME = "kube-dns"
TURN = 200
"""Objects of a list that are read before queries are answered again: about 10 ms with ten endpoints each."""
TURN_SECONDS = 5.0
"""How long the objects of one resource are waited for before those of the next are asked for as well."""

Change = Callable[[Sequence[Delta]], set[Owner]]
"""Applies changes of one resource to the zone's records, and returns the owners that are stale then."""


class Answering:
    """Answers from what ``source`` lists and watches, as ``config`` says; ``run`` follows it until cancelled."""

    def __init__(
        self,
        source: ListerWatcher,
        config: DNSConfig,
        clock: Callable[[], float],
        rng: random.Random,
        failures: Failures,
    ) -> None:
        self.config = config
        self._failures = failures
        self._zone = Zone(clock, Records(config.namespaces, has_pod_names=config.names_endpoints_by_pod))
        self.forwarder = Forwarder(config.forwards, rng)
        self.handler = Handler(self._zone, config)
        self.responder = Responder(
            self.handler,
            rng.random,
            can_ask=self.forwarder.can_ask,
            allows_transfer=config.allows_transfer,
            lost=partial(failures.note, NAME, "answering a query"),
        )
        lost = partial(failures.note, NAME, "asking an upstream")
        self.pending = PendingQueries(self.responder, self.forwarder, rng, clock=clock, lost=lost)
        self._informers = list(self._follow(source))

    @property
    def has_synced(self) -> bool:
        """Whether all objects that were there at the start are known."""
        return all(each.has_synced for each in self._informers)

    async def run(self) -> None:
        """Follow the source until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._note_sync(), name="dns-sync")
            # Namespaces are few. Of a large cluster most is endpoints: names of Services need not wait for them.
            for informer in self._informers:
                tasks.create_task(informer.run(), name=f"dns-informer-{informer.resource.plural}")
                if informer is not self._informers[0]:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(TURN_SECONDS):
                            await informer.wait_for_sync()

    async def wait_for_sync(self) -> None:
        """Return once every object that was there at the start is known; until then NXDOMAIN is SERVFAIL."""
        for each in self._informers:
            await each.wait_for_sync()

    def _follow(self, source: ListerWatcher) -> Iterator[Informer]:
        """Yield an informer for each resource that the configuration needs."""
        records, config = self._zone.records, self.config
        followed: list[tuple[Resource, Change, bool]] = [
            (NAMESPACES, records.namespaces_changed, True),
            (SERVICES, records.services_changed, True),
            (ENDPOINTSLICES, records.slices_changed, config.has_endpoints),
            (PODS, records.pods_changed, config.pods == "verified"),
        ]
        for resource, change, is_needed in followed:
            if is_needed:
                informer = Informer(source, resource, self._failures, keeps_objects=False, turn=TURN)
                informer.add_handler(NAME, partial(self._apply, change))
                yield informer

    def _apply(self, change: Change, delta: Delta) -> None:
        self.responder.drop(self._zone.changed(change([delta])))

    async def _note_sync(self) -> None:
        await self.wait_for_sync()
        self._zone.has_synced = True
