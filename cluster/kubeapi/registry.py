"""The way into the Store for everybody who writes: kubectl, `up`, controllers, the kubelet.

A write is filled in (``defaults``), checked (``validation``), given what only the server can give (uid, generation,
cluster IPs, node ports) and stored, as one transaction: any failure gives everything back. Follows
k8s.io/kubernetes ``pkg/registry``. Pure: the clock and the random source are passed in.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kubeapi.meta import JSON, NAME_SUFFIX_ALPHABET, ObjectKey, copy_object, format_time
from kubeapi.scheme import PODS, Resource
from kubeapi.store import Store


@dataclass(frozen=True)
class RegistryConfig:
    """What the cluster allows; the composition root fills it from the cluster configuration.

    ``balancers`` are the values that the annotation ``kubesvc.dev/balancer`` may have.
    """

    service_cidr: str = "127.96.0.0/12"
    node_port_range: tuple[int, int] = (30000, 32767)
    balancers: tuple[str, ...] = ("least_connections", "random", "round_robin")


class Registry:
    """Creates, updates and deletes objects by Kubernetes' rules. Reading is ``store``'s."""

    def __init__(self, store: Store, config: RegistryConfig, *, clock: Callable[[], float], rng: random.Random) -> None:
        self.store = store
        self.config = config
        self._clock = clock
        self._rng = rng

    def create(self, resource: Resource, obj: JSON) -> JSON:
        """Store a new object (status as given is kept only for kinds without a status writer) and return it."""
        new = copy_object(obj)
        metadata = new["metadata"]
        if "name" not in metadata and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.name_suffix()
        metadata["uid"] = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        metadata["creationTimestamp"] = format_time(self._clock())
        metadata["generation"] = 1
        metadata.pop("resourceVersion", None)
        return self.store.create(resource, new)

    def update(self, resource: Resource, obj: JSON) -> JSON:
        """Replace everything but the status; a changed spec gets the next generation."""
        stored = self.store.get(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        new = copy_object(obj)
        if "status" in stored:
            new["status"] = stored["status"]
        if new.get("spec") != stored.get("spec"):
            new["metadata"]["generation"] = stored["metadata"].get("generation", 0) + 1
        return self.store.update(resource, new)

    def update_status(self, resource: Resource, obj: JSON) -> JSON:
        """Replace nothing but the status."""
        stored = self.store.get(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        return self.store.update(resource, {**stored, "status": copy_object(obj.get("status") or {})})

    def delete(self, resource: Resource, namespace: str, name: str, *, grace_period_seconds: int | None = None) -> JSON:
        """Delete an object; a running pod only begins to terminate (its kubelet deletes it with grace 0)."""
        stored = self.store.get(resource, namespace, name)
        grace = grace_period_seconds
        if grace is None:
            grace = (stored.get("spec") or {}).get("terminationGracePeriodSeconds", 30)
        if resource is PODS and grace > 0 and stored["spec"].get("nodeName"):
            new = copy_object(stored)
            new["metadata"]["deletionTimestamp"] = format_time(self._clock() + grace)
            new["metadata"]["deletionGracePeriodSeconds"] = grace
            return self.store.update(resource, new)
        return self.store.delete(resource, namespace, name)

    def apply(self, resource: Resource, obj: JSON) -> tuple[JSON, Literal["created", "configured", "unchanged"]]:
        """Create the object, or change the stored one as ``kubectl apply`` would."""
        metadata = obj["metadata"]
        if self.store.find(resource, ObjectKey(metadata.get("namespace", ""), metadata["name"])) is None:
            return self.create(resource, obj), "created"
        before = self.store.resource_version
        new = self.update(resource, obj)
        return new, "configured" if self.store.resource_version != before else "unchanged"

    def name_suffix(self) -> str:
        """Return five letters for a generated name."""
        return "".join(self._rng.choices(NAME_SUFFIX_ALPHABET, k=5))
