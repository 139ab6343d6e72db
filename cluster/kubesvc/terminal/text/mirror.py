"""The mirrored Services as a table, as lines of /etc/hosts, and as documents for tools. Pure.

All are made of the status document (``kubesvc.why.status``).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from kubeapi.meta import ObjectKey
from kubesvc.remote.connect.mirror import OWN
from kubesvc.remote.connect.translation import PODS_ALONE
from kubesvc.terminal.text.printers import ready_endpoints
from kubesvc.terminal.text.tables import table

Document = dict[str, Any]

EXPORTS = ("env", "compose", "json")
"""The forms of ``export``."""


_NOT_CARRIED = "not carried"
"""In place of the address of a Service of which nothing is; the sentences below the table say why."""

_LOCALHOST = "localhost"
"""A Service of this name is none for a pod, whose /etc/hosts has the name for its own loopback address."""


class Named(NamedTuple):
    """An address of this machine, and the names under which the cluster's programs know it, the shortest first."""

    address: str
    names: tuple[str, ...]


def service_rows(document: Document) -> str:
    """Return the table: each Service with its address and ports on this machine, and its pods."""
    rows = [[each["namespace"], each["name"], _where(each), ready_endpoints(each)] for each in mirrored(document)]
    return table(["NAMESPACE", "NAME", "ON THIS MACHINE", "PODS"], rows)


def mirrored(document: Document) -> list[Document]:
    """Return the Services of the remote cluster."""
    return [each for each in document["services"] if ObjectKey(each["namespace"], each["name"]) not in OWN]


def _where(service: Document) -> str:
    if service["type"] == "ExternalName":
        return f"{service['externalName']} (by DNS)"
    if not service["endpoints"] and any(each.endswith(PODS_ALONE) for each in service["notCarried"]):
        return _NOT_CARRIED
    addresses = list(dict.fromkeys(each["address"] for each in service["endpoints"]))
    if service["clusterIP"] == "None":
        more = f",+{len(addresses) - 1}" if len(addresses) > 1 else ""
        return f"{addresses[0]}{more} (headless)" if addresses else "<none> (headless)"
    ports = [_port(each) for each in _listeners(service)]
    if not ports:
        return _NOT_CARRIED if service["notCarried"] else "<none>"
    return f"{_address(service)}:{','.join(ports)}"


def _port(listener: Document) -> str:
    port, wanted = listener["port"], listener["servicePort"]
    return str(port) if port == wanted else f"{port} (for {wanted})"


def _listeners(service: Document) -> list[Document]:
    """Return where a Service's cluster IP answers, or would if it had ready pods."""
    return [each for each in service["listeners"] if each["kind"] == "clusterIP" and each["protocol"] == "TCP"]


def _address(service: Document) -> str:
    """Return where this machine has a Service, "" for one without a cluster IP; a listener may be there later."""
    return "" if service["clusterIP"] == "None" else str(service["clusterIP"])


def named(document: Document) -> Iterator[Named]:
    """Yield what has a name: Services at their cluster IPs, headless ones and their pods at the pods' addresses."""
    has_one_namespace, zone = bool(document["upstream"]["namespace"]), document["dns"]["zone"]
    for service in mirrored(document):
        within = f"{service['namespace']}.svc.{zone}"
        if service["clusterIP"] != "None":
            if address := _address(service):
                yield Named(address, _names(service["name"], within, is_short=has_one_namespace))
            continue
        for endpoint in service["endpoints"]:
            if endpoint["ready"]:
                yield Named(endpoint["address"], _names(service["name"], within, is_short=has_one_namespace))
            if endpoint["ready"] and endpoint["hostname"]:
                name = f"{endpoint['hostname']}.{service['name']}"
                yield Named(endpoint["address"], _names(name, within, is_short=has_one_namespace))


def _names(name: str, within: str, *, is_short: bool) -> tuple[str, ...]:
    namespace = within.partition(".")[0]
    full = (f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{within}")
    return (name, *full) if is_short and name != _LOCALHOST else full


def hosts_lines(document: Document) -> list[str]:
    """Return lines of /etc/hosts."""
    return [f"{each.address} {' '.join(each.names)}" for each in named(document)]


def export(document: Document, form: str) -> str:
    """Return the Services in one of the EXPORTS."""
    return {"env": _env, "compose": _compose, "json": _json}[form](document)


def _env(document: Document) -> str:
    """Return the variables that Kubernetes gives its pods (kubelet ``envvars``), as lines for a shell's ``eval``.

    Where several namespaces are shown, a name begins with its own. A name that begins with a digit is none for a shell,
    which would end at it: a comment behind the others says so.
    """
    has_one_namespace = bool(document["upstream"]["namespace"])
    lines = []
    for service in mirrored(document):
        listeners = _listeners(service)
        name = service["name"] if has_one_namespace else f"{service['namespace']}_{service['name']}"
        name = name.upper().replace("-", "_")
        for index, each in enumerate(listeners):
            if not index:
                lines += [(f"{name}_SERVICE_HOST", each["address"]), (f"{name}_SERVICE_PORT", str(each["port"]))]
            if each["portName"]:
                port = each["portName"].upper().replace("-", "_")
                lines.append((f"{name}_SERVICE_PORT_{port}", str(each["port"])))
    lines.sort(key=lambda line: line[0][0].isdigit())
    return "\n".join(
        f"{'# no name for a shell: ' if name[0].isdigit() else 'export '}{name}={shlex.quote(value)}"
        for name, value in lines
    )


def _compose(document: Document) -> str:
    """Return a part of a Compose file: only a container in the host's network reaches its loopback addresses."""
    hosts = [f'    - "{name}:{each.address}"' for each in named(document) for name in each.names]
    head = [
        "# services:",
        "#   app:",
        "#     <<: *kubesvc",
        "x-kubesvc: &kubesvc",
        "  network_mode: host",
        "  extra_hosts:" if hosts else "  extra_hosts: []",
    ]
    return "\n".join([*head, *hosts])


def _json(document: Document) -> str:
    services = [
        {
            **{field: each[field] for field in ("namespace", "name", "type", "dnsName", "notCarried")},
            "address": _address(each),
            "ports": [
                {"name": at["portName"], "port": at["servicePort"], "hostPort": at["port"], "protocol": at["protocol"]}
                for at in _listeners(each)
            ],
            "endpoints": [
                {"pod": at["pod"], "address": at["address"], "ready": at["ready"]} for at in each["endpoints"]
            ],
        }
        for each in mirrored(document)
    ]
    return json.dumps({"upstream": document["upstream"], "dns": document["dns"], "services": services}, indent=2)
