"""The table of EndpointSlices (printEndpointSlice)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import UNSET, first_of


def _ports(row: Row) -> str:
    return first_of([_port(each) for each in row.object.get("ports") or ()]) or UNSET


def _port(port: JSON) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"


def _endpoints(row: Row) -> str:
    endpoints = row.object.get("endpoints") or ()
    return first_of([each for endpoint in endpoints for each in endpoint.get("addresses") or ()]) or UNSET


TABLE = Table(
    ENDPOINTSLICES,
    (
        NAME,
        Column("AddressType", lambda row: row.object.get("addressType", "")),
        Column("Ports", _ports),
        Column("Endpoints", _endpoints),
        AGE,
    ),
)
