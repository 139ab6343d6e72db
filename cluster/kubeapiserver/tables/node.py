"""The table of Nodes (printNode)."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.meta import JSON, labels_of
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import map_at
from kubeapi.scheme import NODES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import NONE, UNKNOWN

_ROLE_PREFIX = "node-role.kubernetes.io/"


class _NodeRow(Row):
    """A Node, with what it says of itself."""

    __slots__ = ("node",)

    def __init__(self, node: JSON, now: float) -> None:
        super().__init__(node, now)
        self.node = read_node(node)


def _status(row: _NodeRow) -> str:
    ready = "Ready" if row.node.is_ready else "NotReady" if find_condition(row.object, "Ready") else "Unknown"
    return f"{ready},SchedulingDisabled" if row.node.is_unschedulable else ready


def _roles(row: _NodeRow) -> str:
    roles = set()
    for label, value in labels_of(row.object).items():
        if label.startswith(_ROLE_PREFIX):
            roles.add(label.removeprefix(_ROLE_PREFIX))
        elif label == "kubernetes.io/role":
            roles.add(value)
    return ",".join(sorted(roles - {""})) or NONE


def _address(kind: str) -> Callable[[_NodeRow], str]:
    return lambda row: next(iter(row.node.addresses(kind)), NONE)


def _info(field: str, absent: str = UNKNOWN) -> Callable[[_NodeRow], str]:
    return lambda row: map_at(row.object, "status", "nodeInfo").get(field) or absent


TABLE = Table(
    NODES,
    (
        NAME,
        Column("Status", _status),
        Column("Roles", _roles),
        AGE,
        Column("Version", _info("kubeletVersion", "")),
        wide("Internal-IP", _address("InternalIP")),
        wide("External-IP", _address("ExternalIP")),
        wide("OS-Image", _info("osImage")),
        wide("Kernel-Version", _info("kernelVersion")),
        wide("Container-Runtime", _info("containerRuntimeVersion")),
    ),
    _NodeRow,
)
