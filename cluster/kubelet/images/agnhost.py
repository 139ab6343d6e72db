"""agnhost, the test image of Kubernetes: its commands and their flags, as server plans. Pure.

Follows k8s.io/kubernetes ``test/images/agnhost``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubeapi.serialization.duration import parse_duration
from kubelet.images.goflags import read_flags, read_number, read_port
from kubelet.images.serverhost import ServerHost
from kubelet.servers.plan import ServerPlan, plan_refusal, plan_server

COMMANDS = ("connect", "netexec", "pause", "porter", "serve-hostname")
_SERVE_PORT = re.compile(r"SERVE_(TCP_|UDP_|TLS_)?PORT_([0-9]+)")


def plan(arguments: Sequence[str], host: ServerHost, environment: Mapping[str, str]) -> ServerPlan:
    """Return the plan of agnhost with these arguments; porter takes its ports from the environment."""
    command, *rest = arguments or ("pause",)
    if command == "connect":
        return _connect(rest, host)
    flags, unknown = read_flags(rest)
    if unknown:
        return plan_refusal(f'Error: unknown command "{unknown}" for "app {command}"', 1)
    match command:
        case "pause":
            found = _pause(flags)
        case "netexec":
            found = _netexec(flags, host)
        case "serve-hostname":
            found = _serve_hostname(flags, host)
        case "porter":
            found = _porter(flags, host, environment)
        case _:
            found = plan_refusal(f"kubesvc's agnhost knows {', '.join(COMMANDS)}, not {command!r}", 1)
    return found


def _pause(flags: dict[str, str]) -> ServerPlan:
    delay = read_number(flags.get("delay-shutdown", "0"))
    return _no_flag(flags, {"delay-shutdown"}) or (
        plan_server("pause", delay=delay) if delay is not None else _bad_flag(flags, "delay-shutdown")
    )


def _serve_hostname(flags: dict[str, str], host: ServerHost) -> ServerPlan:
    port = read_port(flags.get("port", "9376"))
    if refused := _no_flag(flags, {"port", "tcp", "udp", "http", "close"}):
        return refused
    if port is None:
        return _bad_flag(flags, "port")
    has_udp, has_tcp = flags.get("udp") == "true", flags.get("tcp") == "true"
    is_http = flags.get("http", "true") == "true"
    if is_http and (has_tcp or has_udp):
        return plan_refusal("Can't server TCP/UDP mode and HTTP mode at the same time", 1)
    bound = [host.bind_port(port)]
    is_closing = flags.get("close") == "true"
    tcp, udp = bound if is_http or has_tcp else [], bound if has_udp else []
    return plan_server("serve-hostname", tcp, udp, raw=has_tcp, close=is_closing)


def _netexec(flags: dict[str, str], host: ServerHost) -> ServerPlan:
    known = {"http-port", "udp-port", "delay-shutdown", "sctp-port", "http-override", "udp-listen-addresses"}
    if refused := _no_flag(flags, known):
        return refused
    http, udp = read_port(flags.get("http-port", "8080")), read_port(flags.get("udp-port", "8081"))
    delay = read_number(flags.get("delay-shutdown", "0"))
    if http is None or udp is None or delay is None:
        return plan_refusal("Error: invalid argument for a port flag or for --delay-shutdown", 1)
    return plan_server(
        "netexec",
        [host.bind_port(http)],
        [host.bind_port(udp)] if udp else [],
        delay=delay,
        http_port=http,
        udp_port=udp,
        override=flags.get("http-override", ""),
        **_dialling(host),
    )


def _connect(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    flags, first = read_flags(arguments)
    position = list(arguments).index(first) if first else len(arguments)
    more, second = read_flags(arguments[position + 1 :])
    flags |= more
    if refused := _no_flag(flags, {"timeout", "protocol", "udp-data", "sctp-data"}):
        return refused
    if not first or second:
        return plan_refusal(f"Error: accepts 1 arg(s), received {2 if second else 0}", 1)
    timeout, protocol = parse_duration(flags.get("timeout", "0s")), flags.get("protocol") or "tcp"
    if timeout is None:
        return _bad_flag(flags, "timeout")
    if protocol not in ("tcp", "udp"):
        return plan_refusal("Unsupported protocol", 1)
    data = flags.get("udp-data", "hostname")
    return plan_server("connect", destination=first, timeout=timeout, protocol=protocol, data=data, **_dialling(host))


def _porter(flags: dict[str, str], host: ServerHost, environment: Mapping[str, str]) -> ServerPlan:
    if refused := _no_flag(flags, {"json-response"}):
        return refused
    bound: dict[str, list[int]] = {"tcp": [], "udp": [], "tls": []}
    texts: dict[str, str] = {}
    for name, text in environment.items():
        found = _SERVE_PORT.fullmatch(name)
        port = read_port(found[2]) if found else None
        if found and port:
            protocol, here = (found[1] or "TCP_").lower().rstrip("_"), host.bind_port(port)
            bound[protocol].append(here)
            texts[f"udp/{here}" if protocol == "udp" else str(here)] = text
    is_json = flags.get("json-response") == "true"
    return plan_server("porter", bound["tcp"], bound["udp"], bound["tls"], texts=texts, json=is_json)


def _dialling(host: ServerHost) -> dict[str, Any]:
    """Return what a client in the pod must know: how far low ports have moved, and which DNS server to ask."""
    return {"shift": host.shift, "dns": list(host.dns) if host.dns else None}


def _no_flag(flags: dict[str, str], known: set[str]) -> ServerPlan | None:
    unknown = flags.keys() - known
    return plan_refusal(f"Error: unknown flag: --{min(unknown)}", 1) if unknown else None


def _bad_flag(flags: dict[str, str], name: str) -> ServerPlan:
    return plan_refusal(f'Error: invalid argument "{flags[name]}" for "--{name}" flag', 1)
