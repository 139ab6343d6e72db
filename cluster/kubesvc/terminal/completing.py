"""Shell completion: names from the running cluster's status; none if it does not answer quickly."""

from __future__ import annotations

import os
from typing import Any

import click

COMPLETION_SECONDS = 0.5
"""How long the tab key waits for the cluster."""


def service_names(context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return svc/NAME for every Service of the namespace."""
    return _beginning(incomplete, [f"svc/{each}" for each in _names(context, "services")])


def log_targets(context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the namespace's pods."""
    return _beginning(incomplete, _names(context, "pods"))


def trace_sources(context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return what `kubesvc trace` takes as SRC, with --dns the names of Services."""
    if context.params.get("is_dns"):
        return _beginning(incomplete, _names(context, "services"))
    pods = [f"pod/{each}" for each in _names(context, "pods")]
    nodes = [f"node/{each['name']}" for each in _status(context).get("nodes", ())]
    return _beginning(incomplete, ["outside", *pods, *nodes])


def trace_destinations(context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return svc/NAME:PORT for every port of every Service of the namespace, with --dns record types."""
    if context.params.get("is_dns"):
        from kubedns.rdata import RDATA

        return _beginning(incomplete.upper(), [each.name for each in RDATA])
    namespace = context.params.get("namespace") or "default"
    ports = [
        f"svc/{service['name']}:{port['port']}{'' if port['protocol'] == 'TCP' else '/' + port['protocol'].lower()}"
        for service in _status(context).get("services", ())
        if service["namespace"] == namespace
        for port in service["ports"]
    ]
    return _beginning(incomplete, ports)


def _names(context: click.Context, kind: str) -> list[str]:
    namespace = context.params.get("namespace") or "default"
    return [each["name"] for each in _status(context).get(kind, ()) if each["namespace"] == namespace]


def _status(context: click.Context) -> dict[str, Any]:
    from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
    from kubesvc.state.directory import StateDirectory, state_root

    state = StateDirectory(context.params.get("name") or "default", state_root(os.environ))
    try:
        return ControlClient(state, COMPLETION_SECONDS).status()
    except (UnreachableError, RefusedError):
        return {}


def _beginning(incomplete: str, words: list[str]) -> list[str]:
    return [each for each in words if each.startswith(incomplete)]
