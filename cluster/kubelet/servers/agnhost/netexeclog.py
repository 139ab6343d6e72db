"""What netexec writes into its log for each request, in which Kubernetes' e2e suite finds lifecycle hooks. Pure.

Follows ``test/images/agnhost/netexec``.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.servers.http.messages import Datagram, Request

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "/echo": ("msg", "code"),
    "/exit": ("code", "timeout", "wait"),
    "/envvar": ("var",),
    "/dial": ("host", "protocol", "port", "request", "tries"),
}
"""The parameters that are written, also if they are not given."""
_BARE = ("/", "/clientip", "/serverport", "/hostname", "/hostName", "/healthz", "/readyz", "/shutdown")


def request_text(request: Request) -> str:
    """Return what is said about a request, "" for a path that has nothing."""
    path, query = request.path, request.query
    if path in _BARE:
        return f"GET {path}"
    if names := _PARAMETERS.get(path):
        return f"GET {path}?" + "&".join(f"{name}={query.get(name, '')}" for name in names)
    if path == "/header":
        return f"GET /header?key={query['key']}" if query.get("key") else "GET /header"
    if path == "/redirect":
        return f"{request.method} /redirect?msg={query.get('location', '')}&code={query.get('code', '')}"
    return ""


def datagram_text(packet: Datagram, udp_port: int) -> str:
    """Return what is said about a datagram, "" for an empty one."""
    said = packet.content.decode(errors="replace").strip()
    command, space, rest = said.lower().partition(" ")
    if command == "echo" and space:
        return f"Echoing {rest} to UDP client {packet.client}"
    if command == "envvar" and space:
        return f"Sending UDP envvar response for {said.partition(' ')[2].strip()}"
    known = {
        "hostname": "Sending udp hostName response",
        "clientip": f"Sending clientip back to UDP client {packet.client}",
        "serverport": f"Sending server port to UDP client {udp_port}",
    }
    unknown = f"Unknown UDP command received from {packet.client}: {said.lower()}" if said else ""
    return unknown if space else known.get(command, unknown)
