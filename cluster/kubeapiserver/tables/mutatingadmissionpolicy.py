"""The table of MutatingAdmissionPolicies (printMutatingAdmissionPolicy)."""

from __future__ import annotations

from kubeapi.scheme import MUTATINGADMISSIONPOLICIES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.policies import PARAM_KIND


def _mutations(row: Row) -> int:
    return len(row.spec.get("mutations") or ())


TABLE = Table(
    MUTATINGADMISSIONPOLICIES,
    (NAME, Column("Mutations", _mutations, "integer"), PARAM_KIND, AGE),
)
