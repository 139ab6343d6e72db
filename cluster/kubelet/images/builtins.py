"""What a built-in server is asked to do: its arguments, read as the real program reads them. Pure.

A plan is plain JSON, since it travels to the process that becomes the server. Ports below 1024 are mapped here
(``bind_port``), so that a server binds what its plan says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from kubeapi.duration import parse_duration
from kubelet.tools.scripts import ClusterDNS

NGINX_PAGE = """<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
HTTPD_PAGE = "<html><body><h1>It works!</h1></body></html>\n"
AGNHOST_COMMANDS = ("connect", "netexec", "pause", "porter", "serve-hostname")
BindPort = Callable[[int], int]

_SERVE_PORT = re.compile(r"SERVE_(TCP_|UDP_|TLS_)?PORT_([0-9]+)")


class BuiltinPlan(TypedDict):
    """One server: its kind, the ports that it binds on the pod's address (``tls`` by TCP), and what it says."""

    server: str
    tcp: list[int]
    udp: list[int]
    tls: list[int]
    options: dict[str, Any]


class _Around(NamedTuple):
    """What agnhost takes from its surroundings."""

    bind_port: BindPort
    dns: ClusterDNS | None
    environment: Mapping[str, str]


def plan_builtin(
    name: str,
    arguments: Sequence[str],
    bind_port: BindPort,
    nginx: str = "",
    *,
    dns: ClusterDNS | None = None,
    environment: Mapping[str, str] | None = None,
) -> BuiltinPlan:
    """Return the plan of a built-in; arguments that the program would refuse give a plan that says so and exits.

    ``nginx`` is the path of the real one, "" where there is none; ``dns`` is where clients ask for the cluster's names.
    """
    match name:
        case "nginx" if nginx:
            return _plan("nginx", [bind_port(80)], binary=nginx, page=NGINX_PAGE)
        case "nginx":
            return _plan("page", [bind_port(80)], page=NGINX_PAGE, banner="nginx")
        case "httpd":
            return _plan("page", [bind_port(80)], page=HTTPD_PAGE, banner="Apache")
        case "http-echo":
            return _http_echo(arguments, bind_port)
        case "agnhost":
            return _agnhost(arguments, _Around(bind_port, dns, environment or {}))
        case "pause":
            return _plan("pause", delay=0)
    raise KeyError(name)


def plan_page(page: str, port: int) -> BuiltinPlan:
    """Return the plan of a web server that answers every request with one page; ``port`` is bound as it is."""
    return _plan("page", [port], page=page, banner="kubesvc")


def _plan(
    server: str, tcp: Sequence[int] = (), udp: Sequence[int] = (), tls: Sequence[int] = (), **options: Any
) -> BuiltinPlan:
    return {"server": server, "tcp": list(tcp), "udp": list(udp), "tls": list(tls), "options": options}


def _usage(text: str, code: int) -> BuiltinPlan:
    return _plan("refuse", text=text, code=code)


def _http_echo(arguments: Sequence[str], bind_port: BindPort) -> BuiltinPlan:
    flags, unknown = read_flags(arguments)
    known = {"listen", "text", "status-code", "version"}
    if unknown or flags.keys() - known:
        return _usage(f"flag provided but not defined: -{next(iter(flags.keys() - known), unknown)}", 2)
    if not flags.get("text"):
        return _usage("Missing -text option!", 127)
    port = _port(flags.get("listen", ":5678").rpartition(":")[2])
    status = _number(flags.get("status-code", "200"))
    if port is None:
        return _usage(f"listen tcp: address {flags['listen']}: invalid port", 127)
    if status is None or not 100 <= status <= 599:
        return _usage(f'invalid value "{flags["status-code"]}" for flag -status-code', 2)
    return _plan("http-echo", [bind_port(port)], text=flags["text"], status=status)


def _agnhost(arguments: Sequence[str], around: _Around) -> BuiltinPlan:
    command, *rest = arguments or ("pause",)
    return _connect(rest, around) if command == "connect" else _agnhost_server(command, rest, around)


def _agnhost_server(command: str, rest: Sequence[str], around: _Around) -> BuiltinPlan:
    flags, unknown = read_flags(rest)
    if unknown:
        return _usage(f'Error: unknown command "{unknown}" for "app {command}"', 1)
    match command:
        case "pause":
            return _pause(flags)
        case "netexec":
            return _netexec(flags, around)
        case "serve-hostname":
            return _serve_hostname(flags, around.bind_port)
        case "porter":
            return _porter(flags, around)
    return _usage(f"kubesvc's agnhost knows {', '.join(AGNHOST_COMMANDS)}, not {command!r}", 1)


def _pause(flags: dict[str, str]) -> BuiltinPlan:
    delay = _number(flags.get("delay-shutdown", "0"))
    return _no_flag(flags, {"delay-shutdown"}) or (
        _plan("pause", delay=delay) if delay is not None else _bad_flag(flags, "delay-shutdown")
    )


def _serve_hostname(flags: dict[str, str], bind_port: BindPort) -> BuiltinPlan:
    port = _port(flags.get("port", "9376"))
    if refused := _no_flag(flags, {"port", "tcp", "udp", "http", "close"}):
        return refused
    if port is None:
        return _bad_flag(flags, "port")
    has_udp, has_tcp = flags.get("udp") == "true", flags.get("tcp") == "true"
    is_http = flags.get("http", "true") == "true"
    if is_http and (has_tcp or has_udp):
        return _usage("Can't server TCP/UDP mode and HTTP mode at the same time", 1)
    bound = [bind_port(port)]
    is_closing = flags.get("close") == "true"
    tcp, udp = bound if is_http or has_tcp else [], bound if has_udp else []
    return _plan("serve-hostname", tcp, udp, raw=has_tcp, close=is_closing)


def _netexec(flags: dict[str, str], around: _Around) -> BuiltinPlan:
    known = {"http-port", "udp-port", "delay-shutdown", "sctp-port", "http-override", "udp-listen-addresses"}
    if refused := _no_flag(flags, known):
        return refused
    http, udp = _port(flags.get("http-port", "8080")), _port(flags.get("udp-port", "8081"))
    delay = _number(flags.get("delay-shutdown", "0"))
    if http is None or udp is None or delay is None:
        return _usage("Error: invalid argument for a port flag or for --delay-shutdown", 1)
    return _plan(
        "netexec",
        [around.bind_port(http)],
        [around.bind_port(udp)] if udp else [],
        delay=delay,
        http_port=http,
        udp_port=udp,
        override=flags.get("http-override", ""),
        **_dialling(around),
    )


def _connect(arguments: Sequence[str], around: _Around) -> BuiltinPlan:
    flags, first = read_flags(arguments)
    position = list(arguments).index(first) if first else len(arguments)
    more, second = read_flags(arguments[position + 1 :])
    flags |= more
    if refused := _no_flag(flags, {"timeout", "protocol", "udp-data", "sctp-data"}):
        return refused
    if not first or second:
        return _usage(f"Error: accepts 1 arg(s), received {2 if second else 0}", 1)
    timeout, protocol = parse_duration(flags.get("timeout", "0s")), flags.get("protocol") or "tcp"
    if timeout is None:
        return _bad_flag(flags, "timeout")
    if protocol not in ("tcp", "udp"):
        return _usage("Unsupported protocol", 1)
    data = flags.get("udp-data", "hostname")
    return _plan("connect", destination=first, timeout=timeout, protocol=protocol, data=data, **_dialling(around))


def _porter(flags: dict[str, str], around: _Around) -> BuiltinPlan:
    if refused := _no_flag(flags, {"json-response"}):
        return refused
    bound: dict[str, list[int]] = {"tcp": [], "udp": [], "tls": []}
    texts: dict[str, str] = {}
    for name, text in around.environment.items():
        found = _SERVE_PORT.fullmatch(name)
        port = _port(found[2]) if found else None
        if found and port:
            kind, here = (found[1] or "TCP_").lower().rstrip("_"), around.bind_port(port)
            bound[kind].append(here)
            texts[f"udp/{here}" if kind == "udp" else str(here)] = text
    is_json = flags.get("json-response") == "true"
    return _plan("porter", bound["tcp"], bound["udp"], bound["tls"], texts=texts, json=is_json)


def _dialling(around: _Around) -> dict[str, Any]:
    """Return what a client in the pod must know: how far low ports have moved, and where names are asked."""
    return {"shift": around.bind_port(80) - 80, "dns": list(around.dns) if around.dns else None}


def _no_flag(flags: dict[str, str], known: set[str]) -> BuiltinPlan | None:
    unknown = flags.keys() - known
    return _usage(f"Error: unknown flag: --{min(unknown)}", 1) if unknown else None


def _bad_flag(flags: dict[str, str], name: str) -> BuiltinPlan:
    return _usage(f'Error: invalid argument "{flags[name]}" for "--{name}" flag', 1)


def read_flags(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """Read ``-name=value``, ``--name value`` and ``-name`` as Go does; the second is the first that is no flag."""
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-") or argument in ("-", "--"):
            return flags, argument
        name, equals, value = argument.lstrip("-").partition("=")
        if not equals:
            value = rest.pop(0) if rest and not _is_flag(rest[0]) else "true"
        flags[name] = value
    return flags, ""


def _is_flag(argument: str) -> bool:
    return argument.startswith("-") and not argument[1:].isdecimal()


def _port(text: str) -> int | None:
    number = _number(text)
    if text == "-1":
        return 0
    return number if number is not None and 0 < number < 65536 else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
