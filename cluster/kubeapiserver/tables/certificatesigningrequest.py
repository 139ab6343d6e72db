"""The table of CertificateSigningRequests (printCertificateSigningRequest)."""

from __future__ import annotations

from kubeapi.objects.conditions import conditions_of
from kubeapi.scheme import CERTIFICATESIGNINGREQUESTS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE, human_duration


def _signer(row: Row) -> str:
    return str(row.spec.get("signerName") or NONE)


def _requestor(row: Row) -> str:
    return str(row.spec.get("username", ""))


def _duration(row: Row) -> str:
    seconds = row.spec.get("expirationSeconds")
    return NONE if seconds is None else human_duration(seconds)


def _condition(row: Row) -> str:
    kinds = {each.get("type") for each in conditions_of(row.object)}
    decided = next((each for each in ("Denied", "Approved") if each in kinds), "Pending")
    issued = ",Issued" if row.status.get("certificate") else ""
    return f"{decided}{',Failed' if 'Failed' in kinds else ''}{issued}"


TABLE = Table(
    CERTIFICATESIGNINGREQUESTS,
    (
        NAME,
        AGE,
        Column("SignerName", _signer),
        Column("Requestor", _requestor),
        Column("RequestedDuration", _duration),
        Column("Condition", _condition),
    ),
)
