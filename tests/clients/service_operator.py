"""A kopf operator as its users write one: it notes on every Service what it saw, and says goodbye to those that go."""

from __future__ import annotations

from typing import Any

import kopf

PREFIX = "operator.example.com"


@kopf.on.create("services")
def created(spec: kopf.Spec, patch: kopf.Patch, **_: Any) -> None:
    """Note the address."""
    patch.metadata.annotations[f"{PREFIX}/address"] = spec["clusterIP"]


@kopf.on.update("services", field="spec.selector")
def updated(old: Any, new: Any, patch: kopf.Patch, **_: Any) -> None:
    """Note how the selector changed."""
    patch.metadata.annotations[f"{PREFIX}/selector"] = f"{old['app']} to {new['app']}"


@kopf.on.delete("services")
def deleted(body: kopf.Body, **_: Any) -> None:
    """Say goodbye; the Service is there until this has run."""
    kopf.event(body, type="Normal", reason="Goodbye", message=f"to {body.metadata['name']}")
