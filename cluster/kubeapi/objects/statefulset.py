"""What a StatefulSet says of itself: the ordinals of its pods, how they are replaced, what becomes of their claims."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.workload import Workload

_NUMBERED = re.compile(r"(.*)-([0-9]+)")
_LARGEST_ORDINAL = 2**31 - 1


class StatefulSet(Workload):
    """A StatefulSet, read when it is asked for."""

    __slots__ = ()

    @property
    def start(self) -> int:
        """The first ordinal."""
        return map_at(self.obj, "spec", "ordinals").get("start") or 0

    @property
    def ordinals(self) -> range:
        """The ordinals of the pods that it wants."""
        return range(self.start, self.start + self.replicas)

    @property
    def is_ordered(self) -> bool:
        """Whether a pod waits until those before it are available; else all start and end at once."""
        return bool(spec_of(self.obj).get("podManagementPolicy", "OrderedReady") != "Parallel")

    @property
    def replaces_pods(self) -> bool:
        """Whether its controller replaces pods of an old revision; else it waits until somebody deletes them."""
        return bool(map_at(self.obj, "spec", "updateStrategy").get("type", "RollingUpdate") == "RollingUpdate")

    @property
    def partition(self) -> int | None:
        """How many of the first pods keep the current revision, None without rollingUpdate."""
        rolling = map_at(self.obj, "spec", "updateStrategy").get("rollingUpdate")
        return None if rolling is None else rolling.get("partition") or 0

    @property
    def max_unavailable(self) -> int | str:
        """How many pods an update may take away at once, as a number or a percentage."""
        limit = map_at(self.obj, "spec", "updateStrategy", "rollingUpdate").get("maxUnavailable")
        return 1 if limit is None else limit

    @property
    def service_name(self) -> str:
        """The Service that gives its pods their names in DNS, "" for none."""
        return spec_of(self.obj).get("serviceName") or ""

    @property
    def claim_templates(self) -> Sequence[JSON]:
        """The claims that each pod gets."""
        return list_at(self.obj, "spec", "volumeClaimTemplates")

    @property
    def deletes_claims_with_itself(self) -> bool:
        """Whether the claims of its pods go when it is deleted."""
        return self._retention("whenDeleted") == "Delete"

    @property
    def deletes_claims_when_scaled(self) -> bool:
        """Whether a claim goes when its pod is one too many."""
        return self._retention("whenScaled") == "Delete"

    def _retention(self, field: str) -> str:
        return map_at(self.obj, "spec", "persistentVolumeClaimRetentionPolicy").get(field) or "Retain"

    @property
    def current_revision(self) -> str:
        """The ControllerRevision that all pods had before the update that is under way."""
        return status_of(self.obj).get("currentRevision") or ""


read_stateful_set = StatefulSet
"""Returns the reading of a StatefulSet."""


def split_pod_name(name: str) -> tuple[str, int]:
    """Return the name of a pod's StatefulSet and its ordinal; ("", -1) if it has no such name."""
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return "", -1
    ordinal = int(found[2]) if len(found[2]) <= 10 else _LARGEST_ORDINAL + 1
    return found[1], ordinal if ordinal <= _LARGEST_ORDINAL else -1
