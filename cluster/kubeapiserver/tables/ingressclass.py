"""The table of IngressClasses (printIngressClass)."""

from __future__ import annotations

from kubeapi.objects.ingress import is_default_class
from kubeapi.objects.parts import map_at
from kubeapi.scheme import INGRESSCLASSES
from kubeapiserver.tables.columns import AGE, Column, Row, Table
from kubeapiserver.tables.texts import NONE


def _name(row: Row) -> str:
    return f"{row.name} (default)" if is_default_class(row.object) else row.name


def _parameters(row: Row) -> str:
    parameters = map_at(row.spec, "parameters")
    group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
    return f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}" if parameters else NONE


TABLE = Table(
    INGRESSCLASSES,
    (
        Column("Name", _name, format="name"),
        Column("Controller", lambda row: row.spec.get("controller", "")),
        Column("Parameters", _parameters),
        AGE,
    ),
)
