"""Finds objects by name; the error suggests similar names. Pure."""

from __future__ import annotations

from difflib import get_close_matches

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import SERVICES, Resource
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubesvc.wording import listed

_MAX_SUGGESTED = 3
_MAX_LISTED = 8


def find_object(store: Store, resource: Resource, namespace: str, name: str) -> JSON:
    """Return the object; StatusError 404, with similar names, when there is none."""
    found = store.find(resource, ObjectKey(namespace, name))
    if found is not None:
        return found
    names = [key_of(each).name for each in store.list(resource, namespace)]
    # A pod's name is often written without the suffix that its ReplicaSet has given it.
    similar = _similar(name, names) or sorted(each for each in names if each.startswith(f"{name}-"))[:_MAX_SUGGESTED]
    where = f" in namespace {namespace}" if namespace else ""
    raise _not_found(resource, name, where, f"; did you mean {' or '.join(similar)}?" if similar else "")


def find_service(store: Store, namespace: str, name: str) -> JSON:
    """Return the Service; StatusError 404, with the Services that exist, if there is none."""
    found = store.find(SERVICES, ObjectKey(namespace, name))
    if found is not None:
        return found
    elsewhere = sorted(each.namespace for each in map(key_of, store.list(SERVICES)) if each.name == name)
    names = sorted(key_of(each).name for each in store.list(SERVICES, namespace))
    similar = _similar(name, names)
    if elsewhere:
        advice = f"; it is in namespace {listed(elsewhere)}, use -n"
    elif similar:
        advice = f"; did you mean {' or '.join(similar)}?"
    else:
        advice = f"; there is {listed(names, _MAX_LISTED)}" if names else "; there are no Services in it"
    raise _not_found(SERVICES, name, f" in namespace {namespace}", advice)


def _similar(name: str, names: list[str]) -> list[str]:
    return get_close_matches(name, names, n=_MAX_SUGGESTED)


def _not_found(resource: Resource, name: str, where: str, advice: str) -> StatusError:
    return StatusError(404, "NotFound", f'{resource.plural} "{name}" not found{where}{advice}')
