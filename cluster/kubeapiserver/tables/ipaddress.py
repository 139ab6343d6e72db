"""The table of IPAddresses (printIPAddress), which has no age."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import IPADDRESSES
from kubeapiserver.tables.columns import NAME, Column, Row, Table


def _parent(row: Row) -> str:
    parent = map_at(row.spec, "parentRef")
    kind = ".".join(filter(None, (parent.get("resource"), parent.get("group")))).lower()
    return "/".join(filter(None, (kind, parent.get("namespace"), parent.get("name")))) or "<none>"


TABLE = Table(IPADDRESSES, (NAME, Column("ParentRef", _parent)))
