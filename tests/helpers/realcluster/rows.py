"""Reading tests/cluster/scenarios.yaml: which objects a step has, and what is to hold after it. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.helpers.objects import build, build_service, build_slice

from kubeapi.meta import JSON

SCENARIOS = Path(__file__).parents[2] / "cluster" / "scenarios.yaml"
NAME = "web"
KINDS = ("ClusterIP", "NodePort", "LoadBalancer", "Headless", "ExternalName")
_PORTS = [{"name": "http", "port": 80, "targetPort": 9376}]
_SLICE_PORTS = [{"name": "http", "port": 9376, "protocol": "TCP"}]
_PROBE = re.compile(r"(cluster6?|former|node|external|balancer|health)(?::(\d+))?(/udp)?( from outside)?")


@dataclass(frozen=True)
class Probe:
    """One question: of a connection, or of a name where ``qtype`` is not "". ``wanted`` is as the table says it."""

    where: str
    wanted: str
    address: str = ""
    port: int = 0
    protocol: str = "TCP"
    is_outside: bool = False
    qtype: str = ""


@dataclass(frozen=True)
class Step:
    """The objects of one step, None for those that are not there then, and what has to hold."""

    service: JSON | None
    ingress: list[JSON]
    slices: dict[str, JSON | None]
    pods: dict[str, JSON]
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Row:
    """One story; it has a namespace and addresses of its own, by its number."""

    name: str
    number: int
    steps: tuple[Step, ...]

    @property
    def namespace(self) -> str:
        """Where its objects are."""
        return f"row-{self.number}"


def read_rows() -> list[Row]:
    """Return every row of the table, then one for each change of a kind into another."""
    told = yaml.safe_load(SCENARIOS.read_text())
    named = [next(iter(each.items())) for each in told["rows"]]
    for one, other in itertools.permutations(KINDS, 2):
        states = [{"endpoints": ["1.2", "2.3"], **told["kinds"][kind]} for kind in (one, other)]
        named.append((f"{one} becomes {other}", states))
    return [_row(name, number, steps) for number, (name, steps) in enumerate(named, 1)]


def _row(name: str, number: int, steps: list[Mapping[str, Any]]) -> Row:
    here = {
        "$cluster": f"10.100.{number}.1",
        "$cluster6": f"fd00:10:96::{number:x}01",
        "$external": f"203.0.113.{number}",
        "$balancer": f"198.51.100.{number}",
        "$node": 30000 + 2 * number,
        "$other": 30001 + 2 * number,
    }
    return Row(name, number, tuple(_step(_filled(each, here), here, f"row-{number}") for each in steps))


def _filled(value: Any, here: Mapping[str, Any]) -> Any:
    """Return a value with the row's own addresses and ports in place of their names."""
    if isinstance(value, dict):
        return {_filled_text(key, here): _filled(each, here) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, here) for each in value]
    return here.get(value, value) if isinstance(value, str) else value


def _filled_text(text: str, here: Mapping[str, Any]) -> str:
    return re.sub(r"\$\w+", lambda found: str(here[found[0]]), text)


def _step(told: Mapping[str, Any], here: Mapping[str, Any], namespace: str) -> Step:
    return Step(
        _service(told, here, namespace),
        told.get("ingress", []),
        dict(_slices(told, namespace)),
        {name: _pod(name, each, namespace) for name, each in told.get("pods", {}).items()},
        tuple(_probe(key, wanted, here) for key, wanted in told["expect"].items()),
    )


def _service(told: Mapping[str, Any], here: Mapping[str, Any], namespace: str) -> JSON | None:
    spec = told.get("service", {})
    if spec is None:
        return None
    if spec.get("type") != "ExternalName":
        spec = {"clusterIP": here["$cluster"], "ports": _PORTS, **spec}
    else:
        spec = {"ports": [], **spec}
    return build_service(NAME, namespace, metadata={"labels": told.get("labels", {})}, **spec)


def _slices(told: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, JSON | None]]:
    if "pods" in told:
        return
    fields = told.get("slice", {})
    yield "web-4", _slice("web-4", told.get("endpoints"), namespace, **fields)
    yield "web-6", _slice("web-6", told.get("endpoints6"), namespace, **{**fields, "addressType": "IPv6"})
    more = dict(told.get("more", {}))
    yield "web-more", _slice("web-more", more.pop("endpoints", None), namespace, **more)


def _slice(name: str, endpoints: list[Any] | None, namespace: str, **fields: Any) -> JSON | None:
    if endpoints is None:
        return None
    fields = {"addressType": "IPv4", "ports": _SLICE_PORTS, **fields}
    is_ipv6 = fields["addressType"] == "IPv6"
    found = [each if isinstance(each, dict) else _endpoint(each, is_ipv6=is_ipv6) for each in endpoints]
    return build_slice(name, NAME, found, namespace, **fields)


def _endpoint(text: str, *, is_ipv6: bool) -> JSON:
    at, *words = text.split()
    states = {"unready": (False, False, False), "terminating": (False, True, True), "gone": (False, False, True)}
    state = next((states[each] for each in words if each in states), (True, True, False))
    options = dict(each.split("=") for each in words if "=" in each)
    hints = {
        key: [{"name": options[name]}]
        for key, name in (("forZones", "for"), ("forNodes", "for-node"))
        if name in options
    }
    return {
        "addresses": [address_of(f"6.{at}" if is_ipv6 else at)],
        "conditions": dict(zip(("ready", "serving", "terminating"), state, strict=True)),
        "nodeName": f"node-{at[0]}",
        **({"hostname": options["host"]} if "host" in options else {}),
        **({"zone": options["zone"]} if "zone" in options else {}),
        **({"hints": hints} if hints else {}),
    }


def address_of(short: str) -> str:
    """Return 10.244.1.2 for "1.2", fd00:10:244:1::2 for "6.1.2", and a whole address as it is."""
    numbers = short.split(".")
    if len(numbers) == 2:
        return f"10.244.{short}"
    return f"fd00:10:244:{numbers[1]}::{numbers[2]}" if len(numbers) == 3 else short


def _pod(name: str, told: Any, namespace: str) -> JSON:
    """Return a Pod with its status; one that is being deleted has a deletionTimestamp."""
    told = {"at": told} if isinstance(told, str) else told
    at, *words = told["at"].split()
    ports = [{"name": key, "containerPort": number} for key, number in told.get("ports", {}).items()]
    container = {"name": "web", "image": "web", "ports": ports}
    placed = {key: told[key] for key in ("hostname", "subdomain") if key in told}
    address, is_ready = address_of(at), "unready" not in words
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": kind, "status": str(is_ready)} for kind in ("Ready", "ContainersReady")],
    }
    metadata = {"labels": told.get("labels", {"app": "web"})}
    if "deleted" in words:
        metadata["deletionTimestamp"] = "now"
    spec = {"nodeName": f"node-{at[0]}", "containers": [container], **placed}
    return build("Pod", name, namespace, metadata=metadata, spec=spec, status=status)


def _probe(key: str, wanted: str, here: Mapping[str, Any]) -> Probe:
    if key.startswith("dns "):
        _, name, qtype = key.split()
        return Probe(name, here.get(f"${wanted}", wanted), qtype=qtype)
    found = _PROBE.fullmatch(key)
    assert found is not None, key
    where, port, udp, outside = found.groups()
    addresses = {"former": here["$cluster"], "node": "192.168.0.101", "health": "192.168.0.101"}
    return Probe(
        key,
        wanted,
        addresses.get(where) or here[f"${where}"],
        int(port or here["$other"]),
        "UDP" if udp else "TCP",
        is_outside=bool(outside),
    )
