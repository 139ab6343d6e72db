"""What a Service costs in memory: 10,000 of them are to fit in a quarter of a GiB, next to 60 MiB of libraries.

Counted are the bytes that are still held when everything has been read, as the allocator sees them: a figure of the
data structures, not of the machine.
"""

from __future__ import annotations

import gc
import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.objects import build_endpoint, build_service, build_slice

from kubeapi.meta import JSON, key_of
from kubeapi.registry import Registry
from kubeapi.scheme import ENDPOINTSLICES, SERVICES
from kubecontroller.listers import Listers
from kubemanifest.loading import load
from kubeproxy.proxier import Proxier
from kubesvc.run.input.prepare import prepare

COUNT = 400
ADDRESS = "127.96.{}.{}"


def service(number: int) -> JSON:
    return build_service(f"web-{number}", clusterIP=ADDRESS.format(16 + number // 250, 1 + number % 250))


def endpoint_slice(number: int) -> JSON:
    endpoints = [build_endpoint(f"127.244.{each}.{1 + number % 250}", ready=True) for each in (1, 2)]
    return build_slice(f"web-{number}-1", f"web-{number}", endpoints, ports=[{"port": 8080}])


def manifests() -> str:
    return "\n---\n".join(json.dumps(make(number)) for number in range(COUNT) for make in (service, endpoint_slice))


def bytes_per_service(make: Callable[[], object]) -> float:
    """Return what is held, for each of the Services, by what ``make`` returns."""
    make()  # what is held once for all, such as schemas and caches, is held now
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made is not None
    return held / COUNT


@pytest.fixture(scope="module")
def registry() -> Registry:
    prepared = prepare(["-"], io.StringIO(manifests()))
    assert not prepared.faults
    return prepared.registry


def test_the_store_holds_a_service_its_address_and_its_slice_in_little_memory() -> None:
    text = manifests()
    assert bytes_per_service(lambda: prepare(["-"], io.StringIO(text)).registry) < 7000


def test_what_was_read_holds_no_places(registry: Registry) -> None:
    del registry
    text = manifests()
    assert bytes_per_service(lambda: load(["-"], io.StringIO(text)).documents) < 5000


def test_the_proxy_knows_a_service_in_little_memory(registry: Registry) -> None:
    def programmed() -> Any:
        proxier = Proxier()
        for obj in registry.store.list(SERVICES):
            proxier.services.update(key_of(obj), obj)
        for obj in registry.store.list(ENDPOINTSLICES):
            proxier.endpoints.update(key_of(obj), obj)
        proxier.sync()
        return proxier

    assert bytes_per_service(programmed) < 2400


def test_the_controllers_know_a_service_in_little_memory(registry: Registry) -> None:
    def indexed() -> Listers:
        listers = Listers(registry.store)
        for resource in (SERVICES, ENDPOINTSLICES):
            for obj in registry.store.list(resource):
                listers.refresh(resource, key_of(obj))
        return listers

    assert bytes_per_service(indexed) < 700
