"""The plan of agnhost's command ``webhook``. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.images.goflags import read_port
from kubelet.images.serverhost import ServerHost
from kubelet.servers.plan import ServerPlan, plan_refusal, plan_server

WEBHOOK_FLAGS = "port tls-cert-file tls-private-key-file sidecar-image v"


def plan_webhook(flags: Mapping[str, str], host: ServerHost) -> ServerPlan:
    """Return the plan of a server of admission webhooks over TLS, with the certificate that the flags name."""
    text = flags.get("port", "443")
    port = read_port(text)
    if not port:
        return plan_refusal(f'Error: invalid argument "{text}" for "--port" flag', 1)
    certificate, key = flags.get("tls-cert-file", ""), flags.get("tls-private-key-file", "")
    if not certificate or not key:
        return plan_refusal("webhook needs --tls-cert-file and --tls-private-key-file", 1)
    sidecar = flags.get("sidecar-image", "")
    return plan_server("webhook", tls=[host.bind_port(port)], certificate=certificate, key=key, sidecar=sidecar)
