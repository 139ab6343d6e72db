"""Whether an extension API server can answer: the condition Available of its APIService. Pure.

Follows kube-aggregator ``pkg/controllers/status/remote``: first what its Service and EndpointSlices say, then, if that
is good, whether it answers to a request for its discovery.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, format_time
from kubeapi.objects.apiservice import AVAILABLE, APIService
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.endpointslice import EndpointSlice
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.service import ServiceTarget

ATTEMPTS = 5
"""Requests of which one success is enough."""
CHECK_SECONDS = 5.0
"""Time limit of each."""
RECHECK_SECONDS = 30.0
"""Time after which a server is asked again, even if nothing has changed."""
_FIRST_BACKOFF = 0.005


class Verdict(NamedTuple):
    """The state of the condition, and why."""

    is_available: bool
    reason: str
    message: str


PASSED = Verdict(True, "Passed", "all checks passed")


def failed_check(message: str) -> Verdict:
    """Return the verdict on a server that does not answer as it should."""
    return Verdict(False, "FailedDiscoveryCheck", message)


def prejudge(api: APIService, service: ServiceTarget | None, slices: Iterable[EndpointSlice]) -> Verdict | None:
    """Return why a server cannot answer, None if it has to be asked; ``slices`` are those of its Service."""
    assert api.service is not None
    (namespace, name), port = api.service
    where = f'service/{name} in "{namespace}"'
    if service is None:
        return Verdict(False, "ServiceNotFound", f"{where} is not present")
    if service.type != "ClusterIP":
        return None
    found = next((each for each in service.ports if each.port == port), None)
    if found is None:
        return Verdict(False, "ServicePortError", f"{where} is not listening on port {port}")
    listed = list(slices)
    if not listed:
        return Verdict(False, "EndpointsNotFound", f"cannot find endpointslices for {where}")
    if not any(_is_usable(each, found.name) for each in listed):
        message = f'endpointslices for {where} have no addresses with port name "{found.name}"'
        return Verdict(False, "MissingEndpoints", message)
    return None


def _is_usable(part: EndpointSlice, port: str) -> bool:
    has_port = any(each.name == port and each.port for each in part.ports)
    return has_port and any(each.is_ready for each in part.endpoints)


def backoff(failures: int) -> float:
    """Return the seconds before a server that has not answered so many times is asked again."""
    return min(RECHECK_SECONDS, _FIRST_BACKOFF * 2.0 ** min(failures - 1, 30)) if failures else RECHECK_SECONDS


def status_with(obj: JSON, verdict: Verdict, now: float) -> JSON:
    """Return the status of an APIService with a verdict; the time of the condition is that of its last change."""
    status = "True" if verdict.is_available else "False"
    known = find_condition(obj, AVAILABLE)
    is_new = known is None or known.get("status") != status
    condition = {
        "type": AVAILABLE,
        "status": status,
        "lastTransitionTime": format_time(now) if known is None or is_new else known.get("lastTransitionTime"),
        "reason": verdict.reason,
        "message": verdict.message,
    }
    conditions = list(list_at(status_of(obj), "conditions"))
    if known is None:
        conditions.append(condition)
    else:
        conditions[conditions.index(known)] = condition
    return {**status_of(obj), "conditions": conditions}
