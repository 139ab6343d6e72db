"""The objects that the proxy follows, and what each change of one is told to. Decides nothing.

Secrets are followed from the first Ingress on that names one, and Ingresses only where they are served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubeapi.io.informer import Informer
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import ENDPOINTSLICES, INGRESSCLASSES, INGRESSES, NODES, PODS, SECRETS, SERVICES, Resource
from kubeapi.watching import ListerWatcher
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.ingress.certificates import KeyPair
from kubeproxy.proxier import Proxier
from kubeproxy.server.policing import Policing
from kubeproxy.types import subject_of

Update = Callable[[ObjectKey, JSON | None], None]
"""Takes an object of the cluster, None when it is gone."""


class Following:
    """Hands the objects of ``source`` to a Proxier; ``changed`` is called after each batch.

    Pods are followed for their weights, and where they have networks of their own for their addresses.
    """

    def __init__(
        self,
        source: ListerWatcher,
        proxier: Proxier,
        config: ProxyConfig,
        dependencies: ProxyDependencies,
        policing: Policing,
    ) -> None:
        has_sandboxes = len(dependencies.network.places) > 1
        self.changed: Callable[[], None] = lambda: None
        self._source, self._proxier, self._config, self._failures = source, proxier, config, dependencies.failures
        self._ingresses = proxier.ingresses
        self._resting: asyncio.TimerHandle | None = None
        self._wants_tls, self._wants_secrets = asyncio.Event(), asyncio.Event()
        self._services = self._follow(SERVICES, self._update_service)
        self._informers = (
            self._services,
            self._follow(ENDPOINTSLICES, self._update_slice if has_sandboxes else proxier.endpoints.update),
            self._follow(NODES, proxier.nodes.update),
            *self._of_pods(has_sandboxes=has_sandboxes),
            *self._of_ingresses(),
            *(self._follow(*each) for each in policing.followed(proxier.policies)),
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in self._informers:
                    tasks.create_task(informer.run(), name=f"{NAME} {informer.resource}")
                if (make := self._config.ingress_certificate) is not None:
                    tasks.create_task(self._make_certificate(make), name=f"{NAME} certificate")
                    tasks.create_task(self._follow_secrets(), name=f"{NAME} {SECRETS}")
        finally:
            if self._resting is not None:
                self._resting.cancel()

    def rest(self) -> None:
        """Let Ingresses that have just been compiled be compiled again after a pause."""
        if self._ingresses.is_held and self._resting is None:
            self._resting = asyncio.get_running_loop().call_later(self._ingresses.pause, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        if self._ingresses.release():
            self.changed()

    async def wait_for_sync(self) -> None:
        """Return once all that was there has been handed over."""
        for informer in self._informers:
            await informer.wait_for_sync()

    def _tell(self) -> None:
        self.changed()

    def _follow(self, resource: Resource, update: Update) -> Informer:
        informer = Informer(self._source, resource, self._failures, keeps_objects=not self._config.node_name)
        informer.add_handler(NAME, lambda delta: update(delta.key, delta.new), self._tell)
        return informer

    def _of_pods(self, *, has_sandboxes: bool) -> tuple[Informer, ...]:
        if not self._config.follows_pods:
            return ()
        if has_sandboxes:
            return (self._follow(PODS, self._update_pod),)
        pods = Informer(self._source, PODS, self._failures)
        endpoints = self._proxier.endpoints
        pods.add_handler(NAME, lambda delta: endpoints.update_pod(delta.key, delta.new), self._note_weights)
        return (pods,)

    def _of_ingresses(self) -> tuple[Informer, ...]:
        if self._config.ingress_certificate is None:
            return ()
        # Imported only here, because other proxies do not need it.
        from kubeproxy.userspace.http.io.tlscontexts import fault_of

        self._ingresses.find_service = self._find_service
        self._ingresses.fault_of = fault_of
        return (
            self._follow(INGRESSCLASSES, self._ingresses.update_class),
            self._follow(INGRESSES, self._update_ingress),
        )

    def _find_service(self, key: ObjectKey) -> JSON | None:
        return self._services.cache.get(key)

    def _update_service(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Service's state; one that something failed with is tried again whatever has changed of it."""
        self._proxier.services.update(key, obj)
        self._ingresses.note_service(key)
        if self._failures.is_about(subject_of(key)):
            self._proxier.services.renew(key)

    def _update_slice(self, key: ObjectKey, obj: JSON | None) -> None:
        self._proxier.endpoints.update(key, obj)
        self._proxier.pods.update_slice(key, obj)

    def _update_pod(self, key: ObjectKey, obj: JSON | None) -> None:
        self._proxier.endpoints.update_pod(key, obj)
        self._proxier.pods.update(key, obj)
        self._proxier.policies.update_pod(key, obj)

    def _note_weights(self) -> None:
        """Tell of a change if a Pod's weight has changed: of other pods there are many changes."""
        if self._proxier.endpoints.is_changed:
            self.changed()

    def _update_ingress(self, key: ObjectKey, obj: JSON | None) -> None:
        self._ingresses.update(key, obj)
        self._wants_tls.set()
        if self._ingresses.wants_secrets:
            self._wants_secrets.set()

    async def _make_certificate(self, make: Callable[[], KeyPair]) -> None:
        await self._wants_tls.wait()
        with self._failures.guard(NAME, "making the certificate of Ingresses without one"):
            self._ingresses.set_default_pair(await asyncio.to_thread(make))
            self.changed()

    async def _follow_secrets(self) -> None:
        await self._wants_secrets.wait()
        secrets = Informer(self._source, SECRETS, self._failures, keeps_objects=False)
        handle = self._ingresses.update_secret
        secrets.add_handler(NAME, lambda delta: handle(delta.key, delta.new), self._tell)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(secrets.run(), name=f"{NAME} {SECRETS}")
            await secrets.wait_for_sync()
            self._ingresses.know_secrets()
            self.changed()
