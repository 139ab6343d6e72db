"""The table of Endpoints (printEndpoints)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE, first_of
from kubehost.addresses import join_host_port


def _endpoints(row: Row) -> str:
    subsets = row.object.get("subsets") or ()
    return first_of([each for subset in subsets for each in _subset(subset)]) if subsets else NONE


def _subset(subset: JSON) -> list[str]:
    addresses = [each.get("ip", "") for each in subset.get("addresses") or ()]
    ports = subset.get("ports") or ()
    if not ports:
        return addresses
    return [join_host_port(each, port.get("port", 0)) for port in ports for each in addresses]


TABLE = Table(ENDPOINTS, (NAME, Column("Endpoints", _endpoints), AGE))
