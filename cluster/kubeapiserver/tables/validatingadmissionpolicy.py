"""The table of ValidatingAdmissionPolicies (printValidatingAdmissionPolicy)."""

from __future__ import annotations

from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.policies import PARAM_KIND


def _validations(row: Row) -> int:
    return len(row.spec.get("validations") or ())


TABLE = Table(
    VALIDATINGADMISSIONPOLICIES,
    (NAME, Column("Validations", _validations, "integer"), PARAM_KIND, AGE),
)
