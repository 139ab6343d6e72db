"""The table of NetworkPolicies (printNetworkPolicy)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import NETWORKPOLICIES
from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.texts import NONE

TABLE = Table(
    NETWORKPOLICIES,
    (NAME, Column("Pod-Selector", lambda row: selector_text(map_at(row.spec, "podSelector")) or NONE), AGE),
)
