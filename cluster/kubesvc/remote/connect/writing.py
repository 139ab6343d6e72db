"""Writes copies of another cluster's objects to the Store: with their uids and times, which a Registry would replace.

They are valid already, as that cluster's API server has accepted them.
"""

from __future__ import annotations

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource
from kubeapi.store import Store


def put(store: Store, resource: Resource, obj: JSON) -> JSON:
    """Store an object in place of the one of its name, and return it. One with another uid is deleted before."""
    metadata = {name: each for name, each in obj["metadata"].items() if name != "resourceVersion"}
    obj, key = {**obj, "metadata": metadata}, key_of(obj)
    stored = store.find(resource, key)
    if stored is not None and stored["metadata"].get("uid") == metadata.get("uid"):
        return store.update(resource, obj)
    if stored is not None:
        store.delete(resource, *key)
    return store.create(resource, obj)


def drop(store: Store, resource: Resource, key: ObjectKey, uid: str = "") -> None:
    """Delete an object if it is there; with ``uid`` only the one that has it."""
    stored = store.find(resource, key)
    if stored is not None and uid in ("", stored["metadata"].get("uid")):
        store.delete(resource, *key)
