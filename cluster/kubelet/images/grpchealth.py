"""The plan of agnhost's command ``grpc-health-checking``. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.images.goflags import read_number, read_port
from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server


def plan_grpc_health(flags: Mapping[str, str], host: ServerHost) -> ServerPlan:
    """Return the plan of a gRPC health server, and of the HTTP server that says what it shall answer."""
    grpc, http = read_port(flags.get("port", "5000")), read_port(flags.get("http-port", "8080"))
    text = flags.get("delay-unhealthy-sec", "-1")
    delay = read_number(text.removeprefix("-"))
    if grpc is None or http is None or delay is None:
        return plan_refusal("Error: invalid argument for a port flag or for --delay-unhealthy-sec", 1)
    seconds = None if text.startswith("-") else delay
    ports = [host.bind_port(http), host.bind_port(grpc)]
    return plan_server(
        "grpc-health-checking", ports, service=flags.get("service", ""), delay=seconds, grpc_port=ports[1]
    )
