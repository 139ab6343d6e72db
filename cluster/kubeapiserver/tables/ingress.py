"""The table of Ingresses (printIngress)."""

from __future__ import annotations

from kubeapi.objects.parts import list_at
from kubeapi.scheme import INGRESSES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE, SHOWN


def _hosts(row: Row) -> str:
    """Return the first hosts; as in the real one, rules without a host count among those that are left out."""
    rules = list_at(row.spec, "rules")
    hosts = [each["host"] for each in rules if each.get("host")]
    if not hosts:
        return "*"
    more = f" + {len(rules) - SHOWN} more..." if _has_more(row) else ""
    return ",".join(hosts[:SHOWN]) + more


def _has_more(row: Row) -> bool:
    """Tell whether a rule comes after the last host that is shown."""
    shown = 0
    for rule in list_at(row.spec, "rules"):
        if shown == SHOWN:
            return True
        shown += bool(rule.get("host"))
    return False


def _address(row: Row) -> str:
    ingresses = list_at(row.status, "loadBalancer", "ingress")
    return ",".join(sorted({each.get("ip") or each.get("hostname", "") for each in ingresses} - {""}))


TABLE = Table(
    INGRESSES,
    (
        NAME,
        Column("Class", lambda row: row.spec.get("ingressClassName") or NONE),
        Column("Hosts", _hosts),
        Column("Address", _address),
        Column("Ports", lambda row: "80, 443" if row.spec.get("tls") else "80"),
        AGE,
    ),
)
