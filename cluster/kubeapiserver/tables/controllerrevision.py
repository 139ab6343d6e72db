"""The table of ControllerRevisions (printControllerRevision)."""

from __future__ import annotations

from kubeapi.meta import controller_of
from kubeapi.scheme import CONTROLLERREVISIONS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE


def _controller(row: Row) -> str:
    controller = controller_of(row.object)
    if controller is None:
        return NONE
    group = controller["apiVersion"].rpartition("/")[0]
    kind = f"{controller['kind']}.{group}" if group else controller["kind"]
    return f"{kind.lower()}/{controller['name']}"


TABLE = Table(
    CONTROLLERREVISIONS,
    (NAME, Column("Controller", _controller), Column("Revision", lambda row: row.object.get("revision", 0)), AGE),
)
