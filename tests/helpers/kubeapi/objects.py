"""Objects and registries for tests of kubeapi, and of whoever writes through it."""

from __future__ import annotations

import random
from typing import Any

from tests.helpers.objects import build_deployment, build_namespace, build_pod, build_service

from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig
from kubeapi.scheme import Resource
from kubeapi.status import Invalid
from kubeapi.store import Store

EPOCH = 1_700_000_000.0
EPOCH_TEXT = "2023-11-14T22:13:20Z"

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
QUALIFIED = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    " (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = EPOCH) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def new_registry(clock: FakeClock | None = None, seed: int = 1, **config: Any) -> Registry:
    """Return a Registry on an empty Store; ``config`` are RegistryConfig's fields."""
    return Registry(Store(), RegistryConfig(**config), clock=clock or FakeClock(), rng=random.Random(seed))


def service(name: str = "web", *, metadata: JSON | None = None, **spec: Any) -> JSON:
    """Return a Service on port 80, unless ``spec`` says otherwise."""
    return build_service(name, metadata=metadata, **spec)


def container(name: str = "app", **fields: Any) -> JSON:
    return {"name": name, "image": "nginx:1.27", **fields}


def pod(name: str = "web", *, metadata: JSON | None = None, **spec: Any) -> JSON:
    """Return a Pod of one container, unless ``spec`` says otherwise."""
    return build_pod(name, metadata=metadata, **{"containers": [container()], **spec})


def deployment(name: str = "web", *, template_spec: JSON | None = None, **spec: Any) -> JSON:
    """Return a Deployment with app=NAME as its selector and label, unless ``spec`` says otherwise."""
    template = {"metadata": {"labels": {"app": name}}, "spec": template_spec or {"containers": [container()]}}
    return build_deployment(name, **{"template": template, **spec})


def namespace(name: str) -> JSON:
    return build_namespace(name)


def faults_of(resource: Resource, obj: JSON, registry: Registry | None = None) -> list[str]:
    """Return the texts of all faults with which the object is refused, [] if it is created."""
    try:
        (registry or new_registry()).create(resource, obj)
    except Invalid as refusal:
        return [str(cause) for cause in refusal.causes]
    return []


def update_faults_of(resource: Resource, obj: JSON, registry: Registry) -> list[str]:
    """Return the texts of all faults with which the update is refused, [] if it is accepted."""
    try:
        registry.update(resource, obj)
    except Invalid as refusal:
        return [str(cause) for cause in refusal.causes]
    return []
