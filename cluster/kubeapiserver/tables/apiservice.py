"""The table of APIServices (kube-aggregator ``pkg/registry/apiservice/etcd``)."""

from __future__ import annotations

from kubeapi.objects.apiservice import AVAILABLE
from kubeapi.objects.conditions import find_condition
from kubeapi.scheme import APISERVICES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _service(row: Row) -> str:
    service = row.spec.get("service")
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"


def _available(row: Row) -> str:
    condition = find_condition(row.object, AVAILABLE)
    if condition is None:
        return "Unknown"
    status, reason = str(condition.get("status", "")), condition.get("reason")
    return status if status == "True" or not reason else f"{status} ({reason})"


TABLE = Table(APISERVICES, (NAME, Column("Service", _service), Column("Available", _available), AGE))
