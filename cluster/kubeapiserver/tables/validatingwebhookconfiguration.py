"""The table of ValidatingWebhookConfigurations (printValidatingWebhook)."""

from __future__ import annotations

from kubeapi.objects.parts import list_at
from kubeapi.scheme import VALIDATINGWEBHOOKCONFIGURATIONS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _webhooks(row: Row) -> int:
    return len(list_at(row.object, "webhooks"))


TABLE = Table(VALIDATINGWEBHOOKCONFIGURATIONS, (NAME, Column("Webhooks", _webhooks, "integer"), AGE))
