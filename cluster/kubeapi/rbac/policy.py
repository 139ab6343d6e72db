"""The roles and bindings that every cluster has from its start (bootstrappolicy, in roles.json). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from kubeapi.kinds import resource_for
from kubeapi.meta import JSON, key_of
from kubeapi.registry import Registry


def create_missing_roles(registry: Registry) -> Iterator[JSON]:
    """Create those that are not there, one for each step."""
    found: list[JSON] = json.loads(files(__package__).joinpath("roles.json").read_bytes())
    for obj in found:
        resource = resource_for(obj["apiVersion"], obj["kind"])
        if resource is not None and registry.store.find(resource, key_of(obj)) is None:
            yield registry.create(resource, obj)
