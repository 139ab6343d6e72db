"""The table of ValidatingAdmissionPolicyBindings (printValidatingAdmissionPolicyBinding)."""

from __future__ import annotations

from kubeapi.scheme import VALIDATINGADMISSIONPOLICYBINDINGS
from kubeapi.selectors import selector_text
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import UNSET


def _policy(row: Row) -> str:
    return str(row.spec.get("policyName", ""))


def _param(row: Row) -> str:
    reference = row.spec.get("paramRef")
    if not reference:
        return UNSET
    named = reference.get("name") or selector_text(reference.get("selector", {}))
    return f"{reference['namespace']}/{named}" if reference.get("namespace") else f"*/{named}"


TABLE = Table(VALIDATINGADMISSIONPOLICYBINDINGS, (NAME, Column("PolicyName", _policy), Column("ParamRef", _param), AGE))
