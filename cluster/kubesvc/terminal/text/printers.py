"""The text of `kubesvc status` and of a start: tables in kubectl's layout, and commands to copy. Pure.

Columns are separated by three blanks, headers are upper case (k8s.io/cli-runtime printers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubehost.addresses import in_brackets
from kubesvc.terminal.text.tables import ingress_tables, table
from kubesvc.wording import shortened

Document = dict[str, Any]

_HTTP_PORTS = frozenset({80, 8080, 8000, 3000, 5000, 5678, 8081, 9090})
"""Ports that are taken for HTTP, and get a `curl` line, if the Service does not say what they speak."""

_HTTP_PROTOCOLS = frozenset({"http", "kubernetes.io/ws"})
"""Values of appProtocol that curl speaks."""

_MAX_CURL_LINES = 6
"""Most `curl` lines of one Service: enough for its cluster IP and its node port on 127.0.0.1 and two nodes."""


_MOST_NOT_CARRIED = 20
"""Most sentences about what a mirror does not carry."""

WIDTH = 100
"""Widest table, in characters, unless names alone are longer; `-o wide` has no bound."""


def service_table(document: Document, *, is_wide: bool = False) -> str:
    """Return the table of Services: type, addresses, ports, ready endpoints; wide also DNS name and listeners.

    If it is too wide, each Service shows only its first address, then also only its first port.
    """
    headers = ["NAMESPACE", "NAME", "TYPE", "ADDRESSES", "PORT(S)", "ENDPOINTS"]
    services = document["services"]
    if not services:
        return "No Services."
    addresses, ports = [_addresses(each) for each in services], [[*_ports(each)] for each in services]
    shown = ((",".join, ",".join),) if is_wide else ((",".join, ",".join), (_first, ",".join), (_first, _first))
    for of_addresses, of_ports in shown:
        rows = [
            [each["namespace"], each["name"], each["type"], of_addresses(here) or "<none>", of_ports(there) or "<none>"]
            for each, here, there in zip(services, addresses, ports, strict=True)
        ]
        rows = [[*row, ready_endpoints(service)] for row, service in zip(rows, services, strict=True)]
        if is_wide:
            rows = [[*row, each["dnsName"], _listeners(each)] for row, each in zip(rows, services, strict=True)]
            return table([*headers, "DNS NAME", "LISTENERS"], rows)
        text = table(headers, rows)
        if len(text.partition("\n")[0]) <= WIDTH:
            break
    return text


def _first(values: Sequence[str]) -> str:
    """Return the first of several values, and how many more there are."""
    return f"{values[0]},+{len(values) - 1}" if len(values) > 1 else "".join(values)


def _addresses(service: Document) -> list[str]:
    if service["type"] == "ExternalName":
        return [service["externalName"]]
    outside = (each for each in service["listeners"] if each["kind"] in ("externalIP", "loadBalancer"))
    addresses = [*service["clusterIPs"], *(each["clusterAddress"] for each in outside)]
    return list(dict.fromkeys(addresses))


def _ports(service: Document) -> Iterator[str]:
    for port in service["ports"]:
        node_port = f":{port['nodePort']}" if port["nodePort"] else ""
        yield f"{port['port']}{node_port}/{port['protocol']}"


def ready_endpoints(service: Document) -> str:
    """Return how many of a Service's endpoints are ready, and of how many."""
    if service["type"] == "ExternalName" or service["proxyName"] or (_is_api(service) and not service["endpoints"]):
        return "<none>"
    # A dual-stack Service has two endpoints for a pod, counted once; one without the Service's ports is not ready.
    endpoints = {
        each["pod"] or each["address"]: each["ready"] and bool(each["ports"] or not service["ports"])
        for each in service["endpoints"]
    }
    return f"{sum(endpoints.values())}/{len(endpoints)}"


def _is_api(service: Document) -> bool:
    return (service["namespace"], service["name"]) == ("default", "kubernetes")


def _listeners(service: Document) -> str:
    return ",".join(_listener(each) for each in service["listeners"]) or "<none>"


def _listener(listener: Document) -> str:
    state = "" if listener["bound"] else " (closed)"
    return f"{in_brackets(listener['address'])}:{listener['port']}/{listener['protocol']}{state}"


def pod_table(document: Document, *, is_wide: bool = False) -> str:
    """Return the table of pods; wide also their processes and images."""
    headers = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "IP", "NODE"]
    if is_wide:
        headers += ["PID", "IMAGES"]
    rows = [
        [
            pod["namespace"],
            pod["name"],
            f"{pod['readyContainers']}/{pod['totalContainers']}",
            pod["status"],
            str(pod["restarts"]),
            pod["podIP"] or "<none>",
            pod["node"] or "<none>",
            *([str(pod["pid"] or "<none>"), ",".join(each["image"] for each in pod["containers"])] if is_wide else []),
        ]
        for pod in document["pods"]
    ]
    return table(headers, rows) if rows else "No pods."


def try_lines(document: Document) -> list[str]:
    """Return `curl` and `dig` lines for what answers right now, Service by Service."""
    dig = _dig(document["dns"]["addresses"])
    lines: list[str] = []
    for service in document["services"]:
        if not service["proxyName"] and not _is_api(service):
            lines += list(_curl_lines(service))[:_MAX_CURL_LINES]
            lines += [f"{dig} {service['dnsName']}"] if dig else []
    return lines


def _curl_lines(service: Document) -> Iterator[str]:
    http = {each["name"] for each in service["ports"] if _is_http(each)}
    for listener in service["listeners"]:
        if listener["bound"] and listener["portName"] in http:
            port = "" if listener["port"] == 80 else f":{listener['port']}"
            quote = "'" if ":" in listener["address"] else ""  # brackets are special to the shell and to curl
            yield f"curl {quote}http://{in_brackets(listener['address'])}{port}/{quote}"


def _is_http(port: Document) -> bool:
    """Guess whether a port speaks HTTP, from its appProtocol, else from its number or name."""
    if port["protocol"] != "TCP":
        return False
    if port["appProtocol"]:
        return port["appProtocol"] in _HTTP_PROTOCOLS
    return port["port"] in _HTTP_PORTS or port["name"] == "web" or port["name"].partition("-")[0] == "http"


def _dig(addresses: Sequence[Document]) -> str:
    """Return the `dig` command for the cluster's DNS, at the last address that is bound; "" without any."""
    server = next((each for each in reversed(addresses) if not each["error"]), None)
    if server is None:
        return ""
    port = "" if server["port"] == 53 else f" -p {server['port']}"
    return f"dig @{server['address']}{port} +short"


def moved_ports(document: Document) -> list[str]:
    """Return one sentence per port that is bound 10000 higher, because this process may not bind below 1024."""
    moved = {
        (each["servicePort"], each["port"])
        for one in (*document["services"], *document["ingresses"])
        for each in one["listeners"]
        if each["servicePort"] != each["port"]
    }
    moved |= {(53, each["port"]) for each in document["dns"]["addresses"] if each["port"] != 53}
    return [f"port {wanted} answers at {actual} on the same address" for wanted, actual in sorted(moved)]


def exact_lines(document: Document) -> list[str]:
    """Return where a cluster of the exact plan is reached, a sentence each; none for other clusters."""
    if document["plan"] != "exact":
        return []
    option = "" if document["name"] == "default" else f" --name {document['name']}"
    lines = [f"`kubesvc shell{option}` opens a shell on a node, where all addresses are as the API shows them"]
    for service in document["services"]:
        for each in service["listeners"]:
            if each["address"] != each["clusterAddress"]:
                here = f"{each['clusterAddress']} is {each['address']} here, and so with every other"
                return [*lines, f"this machine has them in 127.0.0.0/8: {here}"]
    return lines


def status_text(document: Document, *, is_wide: bool = False) -> str:
    """Return what `kubesvc status` prints."""
    answering = (each for each in document["dns"]["addresses"] if not each["error"])
    addresses = ", ".join(f"{each['address']}:{each['port']}" for each in answering)
    sandbox = document["sandbox"]
    head = [
        f"cluster {document['name']} (pid {document['pid']}), DNS for {document['dns']['zone']} at {addresses}",
        f"sandbox: {sandbox['mode']}, as {sandbox['why']}",
        *upstream_lines(document),
        *exact_lines(document),
    ]
    services, pods = service_table(document, is_wide=is_wide), pod_table(document, is_wide=is_wide)
    parts = ["\n".join(head), services, *ingress_tables(document), pods]
    warnings = [_warning(each) for each in document["warnings"]] if is_wide else []
    for title, lines in (
        ("Not carried:", not_carried(document)),
        ("Not ready:", document["waitingFor"]),
        ("Problems:", document["problems"]),
        ("Warnings:", warnings),
    ):
        if lines:
            parts.append("\n".join([title, *(f"  {each}" for each in lines)]))
    return "\n\n".join(parts)


def upstream_lines(document: Document) -> list[str]:
    """Return which cluster a mirror shows; none for a cluster of its own."""
    upstream = document["upstream"]
    if not upstream["context"]:
        return []
    where = f"namespace {upstream['namespace']}" if upstream["namespace"] else "all namespaces"
    labels = f", Services with the labels {upstream['selector']}" if upstream["selector"] else ""
    return [f"context {upstream['context']} ({upstream['server']}), {where}{labels}"]


def not_carried(document: Document) -> list[str]:
    """Return what does not work of a mirror's Services, a sentence each."""
    services = document["services"]
    said = [f"{each['namespace']}/{each['name']}: {text}" for each in services for text in each["notCarried"]]
    return shortened(said, _MOST_NOT_CARRIED, "`kubesvc status -o json`")


def _warning(warning: Document) -> str:
    times = f" (x{warning['count']})" if warning["count"] > 1 else ""
    return f"{warning['object']}: {warning['reason']}: {warning['message']}{times}"
