"""The plans of agnhost's commands ``webhook`` and ``crd-conversion-webhook``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelet.images.goflags import read_port
from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server

WEBHOOK_FLAGS = "port tls-cert-file tls-private-key-file sidecar-image v"


CONVERSION_FLAGS = "port tls-cert-file tls-private-key-file v"


def plan_webhook(flags: Mapping[str, str], host: ServerHost) -> ServerPlan:
    """Return the plan of a server of admission webhooks over TLS, with the certificate that the flags name."""
    return _plan("webhook", flags, host, sidecar=flags.get("sidecar-image", ""))


def plan_conversion(flags: Mapping[str, str], host: ServerHost) -> ServerPlan:
    """Return the plan of a server that converts custom resources, over TLS."""
    return _plan("crd-conversion-webhook", flags, host)


def _plan(command: str, flags: Mapping[str, str], host: ServerHost, **options: str) -> ServerPlan:
    text = flags.get("port", "443")
    port = read_port(text)
    if not port:
        return plan_refusal(f'Error: invalid argument "{text}" for "--port" flag', 1)
    certificate, key = flags.get("tls-cert-file", ""), flags.get("tls-private-key-file", "")
    if not certificate or not key:
        return plan_refusal(f"{command} needs --tls-cert-file and --tls-private-key-file", 1)
    given: dict[str, Any] = {"certificate": certificate, "key": key, **options}
    return plan_server(command, tls=[host.bind_port(port)], **given)
