"""The table of Services (printService)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.objects.service import load_balancer_ingresses
from kubeapi.scheme import SERVICES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import NONE, pairs


def _cluster_ip(row: Row) -> str:
    addresses = row.spec.get("clusterIPs") or (NONE,)
    return str(addresses[0])


def _external_ip(row: Row) -> str:
    external_ips = row.spec.get("externalIPs") or []
    match row.spec.get("type"):
        case "ExternalName":
            return str(row.spec.get("externalName", ""))
        case "LoadBalancer":
            ingresses = load_balancer_ingresses(row.object)
            balancers = sorted({each.get("ip") or each.get("hostname", "") for each in ingresses} - {""})
            return ",".join([*balancers, *external_ips]) or "<pending>"
    return ",".join(external_ips) or NONE


def _ports(row: Row) -> str:
    return ",".join(_port(each) for each in row.spec.get("ports") or ()) or NONE


def _port(port: JSON) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


TABLE = Table(
    SERVICES,
    (
        NAME,
        Column("Type", lambda row: row.spec.get("type", "")),
        Column("Cluster-IP", _cluster_ip),
        Column("External-IP", _external_ip),
        Column("Port(s)", _ports),
        AGE,
        wide("Selector", lambda row: pairs(map_at(row.spec, "selector"))),
    ),
)
