"""The objects that pods' variables and volumes refer to, as the API has them now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kubeapi.failures import Failures
from kubeapi.io.informer import Informer
from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service, read_service
from kubeapi.scheme import CLUSTERTRUSTBUNDLES, SERVICES
from kubeapi.watching import Delta, ListerWatcher
from kubelet.pod.configkinds import CONFIG_KINDS
from kubelet.runtime.dependencies import COMPONENT

if TYPE_CHECKING:
    from kubelet.images.catalog import ImageSpec
    from kubelet.pod.environment import Sources
    from kubelet.pod.machine.state import PodPlace
    from kubelet.pod.spec import PodSpec

VOLUME_KINDS = ("ClusterTrustBundle", "PersistentVolume", "PersistentVolumeClaim", "PodCertificateRequest")
"""What volumes refer to, beside what variables do."""
_GROUPS = ("", CLUSTERTRUSTBUNDLES.group)
"""Where these kinds are; other groups may have kinds of the same names."""


class ReferencedObjects:
    """Follows the source while its informers run. ``changed`` is called when any of them but a Service has changed.

    ``images`` is the configured part of the catalog of images, which volumes refer to as well.
    """

    def __init__(
        self,
        source: ListerWatcher,
        failures: Failures,
        changed: Callable[[], None],
        images: Mapping[str, ImageSpec],
    ) -> None:
        self.images = images
        kinds = {*(each.kind for each in CONFIG_KINDS), *VOLUME_KINDS}
        services = Informer(source, SERVICES, failures)
        followed = [each for each in RESOURCES if each.kind in kinds and each.group in _GROUPS]
        configs = [Informer(source, each, failures) for each in followed]
        services.add_handler(COMPONENT, self._on_service)
        for informer in configs:
            informer.add_handler(COMPONENT, lambda _: changed())
        self.informers: Sequence[Informer] = (services, *configs)
        self._configs = configs
        self._services: dict[ObjectKey, Service] = {}

    @property
    def objects(self) -> Mapping[str, Mapping[ObjectKey, JSON]]:
        """The objects but for Services, by kind."""
        return {each.resource.kind: each.cache for each in self._configs}

    @property
    def services(self) -> list[Service]:
        """All Services, each read once."""
        return list(self._services.values())

    def sources(self, pod: PodSpec, place: PodPlace) -> Sources:
        """Return what a pod's variables and volumes are made from, as it is now, but for its tokens."""
        from kubelet.pod.environment import Sources  # pods have imported it already, and a start needs none of it

        return Sources(pod, place, self.objects, self.services)

    async def wait_for_sync(self) -> None:
        """Return once the first list of each kind is here."""
        for informer in self.informers:
            await informer.wait_for_sync()

    def _on_service(self, delta: Delta) -> None:
        # The old reading goes first: if the new Service cannot be read, there is none.
        self._services.pop(delta.key, None)
        if delta.new is not None:
            self._services[delta.key] = read_service(delta.new)
