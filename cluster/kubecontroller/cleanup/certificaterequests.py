"""Deletes old requests for certificates: those of pods by their age, the others by what has become of them. Pure.

Follows k8s.io/kubernetes ``pkg/controller/certificates/cleaner``, but that each is deleted in time and not at the next
round (of an hour, and of 5 minutes for those of pods); so what is told of an expired certificate never comes first.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, parse_time
from kubeapi.objects.conditions import conditions_of
from kubeapi.objects.parts import status_of
from kubeapi.scheme import CERTIFICATESIGNINGREQUESTS, PODCERTIFICATEREQUESTS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Requeue, delete
from kubecontroller.listers import Listers

_MINUTE, _HOUR = 60.0, 3600.0
_POD_SECONDS = 15 * _MINUTE
_ENDED_SECONDS = _HOUR
"""For a request that was denied, has failed, or has its certificate."""
_PENDING_SECONDS = 24 * _HOUR
"""For a request that nobody has decided about, or that was approved and has no certificate."""


def signing_request_due(request: JSON) -> float | None:
    """Return when a CertificateSigningRequest is deleted, in seconds since the epoch; None for never."""
    conditions = conditions_of(request)
    if not conditions:
        return parse_time(request["metadata"]["creationTimestamp"]) + _PENDING_SECONDS
    approved = _ENDED_SECONDS if status_of(request).get("certificate") else _PENDING_SECONDS
    seconds = {"Approved": approved, "Denied": _ENDED_SECONDS, "Failed": _ENDED_SECONDS}
    return min(
        (
            parse_time(each["lastUpdateTime"]) + seconds[each["type"]]
            for each in conditions
            if each.get("type") in seconds and each.get("lastUpdateTime")
        ),
        default=None,
    )


def pod_request_due(request: JSON) -> float:
    """Return when a PodCertificateRequest is deleted, in seconds since the epoch."""
    return parse_time(request["metadata"]["creationTimestamp"]) + _POD_SECONDS


class _Cleaner:
    """Deletes the objects of one kind in time."""

    name: str
    resource: Resource
    due: staticmethod[[JSON], float | None]
    """When an object is deleted, in seconds since the epoch; None for never."""

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    @property
    def watches(self) -> tuple[Resource, ...]:
        """The kinds whose changes matter."""
        return (self.resource,)

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return a request that is there."""
        return [delta.key] if delta.new is not None else ()

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the deletion of a request, or when to look again."""
        request = self._listers.store.find(self.resource, key)
        due = self.due(request) if request is not None else None
        if request is None or due is None:
            return []
        return [Requeue(due - now) if due > now else delete(self.resource, request)]


class SigningRequestCleaner(_Cleaner):
    """Deletes CertificateSigningRequests."""

    name = "certificatesigningrequest-cleaner-controller"
    resource = CERTIFICATESIGNINGREQUESTS
    due = staticmethod(signing_request_due)


class PodRequestCleaner(_Cleaner):
    """Deletes PodCertificateRequests."""

    name = "podcertificaterequest-cleaner-controller"
    resource = PODCERTIFICATEREQUESTS
    due = staticmethod(pod_request_due)
