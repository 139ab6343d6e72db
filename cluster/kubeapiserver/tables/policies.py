"""Columns that the tables of validating and of mutating admission policies, and of their bindings, have in common."""

from __future__ import annotations

from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.columns import AGE, NAME, Column, Row
from kubeapiserver.tables.texts import UNSET


def _param_kind(row: Row) -> str:
    kind = row.spec.get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


def _policy(row: Row) -> str:
    return str(row.spec.get("policyName", ""))


def _param(row: Row) -> str:
    reference = row.spec.get("paramRef")
    if not reference:
        return UNSET
    named = reference.get("name") or selector_text(reference.get("selector", {}))
    return f"{reference['namespace']}/{named}" if reference.get("namespace") else f"*/{named}"


PARAM_KIND = Column("ParamKind", _param_kind)
BINDING_COLUMNS = (NAME, Column("PolicyName", _policy), Column("ParamRef", _param), AGE)
