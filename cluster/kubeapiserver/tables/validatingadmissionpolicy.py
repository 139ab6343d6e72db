"""The table of ValidatingAdmissionPolicies (printValidatingAdmissionPolicy)."""

from __future__ import annotations

from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import UNSET


def _validations(row: Row) -> int:
    return len(row.spec.get("validations") or ())


def _param_kind(row: Row) -> str:
    kind = row.spec.get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


TABLE = Table(
    VALIDATINGADMISSIONPOLICIES,
    (NAME, Column("Validations", _validations, "integer"), Column("ParamKind", _param_kind), AGE),
)
