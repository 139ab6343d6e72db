"""The table of MutatingAdmissionPolicies (printMutatingAdmissionPolicy)."""

from __future__ import annotations

from kubeapi.scheme import MUTATINGADMISSIONPOLICIES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import UNSET


def _mutations(row: Row) -> int:
    return len(row.spec.get("mutations") or ())


def _param_kind(row: Row) -> str:
    kind = row.spec.get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


TABLE = Table(
    MUTATINGADMISSIONPOLICIES,
    (NAME, Column("Mutations", _mutations, "integer"), Column("ParamKind", _param_kind), AGE),
)
