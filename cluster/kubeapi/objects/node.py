"""What a Node says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from kubeapi.meta import JSON, labels_of
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.parts import Reading, list_at, map_at, spec_of
from kubeapi.serialization.quantity import QUANTITY, amount_of

ZONE_LABEL = "topology.kubernetes.io/zone"


class Node(Reading):
    """A Node, read when it is asked for."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    @property
    def is_ready(self) -> bool:
        """Whether its condition Ready is True: that of a new Node is not, until its kubelet says so."""
        return is_condition_true(self.obj, "Ready")

    @property
    def is_lost(self) -> bool:
        """Whether nothing is heard of its kubelet: its condition Ready is Unknown."""
        condition = find_condition(self.obj, "Ready")
        return condition is not None and condition.get("status") == "Unknown"

    @property
    def is_unschedulable(self) -> bool:
        """Whether it is cordoned."""
        return bool(spec_of(self.obj).get("unschedulable"))

    @property
    def taints(self) -> Sequence[JSON]:
        """Its taints."""
        return list_at(self.obj, "spec", "taints")

    @property
    def zone(self) -> str:
        """The zone that it is in, "" if it does not say."""
        return labels_of(self.obj).get(ZONE_LABEL) or ""

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        """The ranges of its pods' addresses, of each family one; () if it does not say."""
        spec = spec_of(self.obj)
        return tuple(spec.get("podCIDRs") or filter(None, (spec.get("podCIDR"),)))

    def addresses(self, kind: str) -> list[str]:
        """Return its addresses of a type: InternalIP, ExternalIP, Hostname ..."""
        found = list_at(self.obj, "status", "addresses")
        return [each.get("address", "") for each in found if each.get("type") == kind]

    def allocatable(self, resource: str) -> Decimal | None:
        """Return how much of a resource it has for pods; None if it does not say, or not as a quantity."""
        return _amount(str(map_at(self.obj, "status", "allocatable").get(resource, "")))


@lru_cache(1024)
def _amount(text: str) -> Decimal | None:
    return amount_of(text) if QUANTITY.fullmatch(text) else None


read_node = Node
"""Returns the reading of a Node object."""
