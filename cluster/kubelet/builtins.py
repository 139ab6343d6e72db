"""What a built-in server is asked to do: its arguments, read as the real program reads them. Pure.

A plan is plain JSON, since it travels to the process that becomes the server. Ports below 1024 are mapped here
(``bind_port``), so that a server binds what its plan says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

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
BindPort = Callable[[int], int]


class BuiltinPlan(TypedDict):
    """One server: its kind, the ports that it binds on the pod's address, and what it says."""

    server: str
    tcp: list[int]
    udp: list[int]
    options: dict[str, Any]


def plan_builtin(name: str, arguments: Sequence[str], bind_port: BindPort, nginx: str = "") -> BuiltinPlan:
    """Return the plan of a built-in; arguments that the program would refuse give a plan that says so and exits.

    ``nginx`` is the path of the real one, "" where there is none.
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
            return _agnhost(arguments, bind_port)
        case "pause":
            return _plan("pause", [])
    raise KeyError(name)


def plan_page(page: str, port: int) -> BuiltinPlan:
    """Return the plan of a web server that answers every request with one page; ``port`` is bound as it is."""
    return _plan("page", [port], page=page, banner="kubesvc")


def _plan(server: str, tcp: list[int], udp: list[int] | None = None, **options: Any) -> BuiltinPlan:
    return {"server": server, "tcp": tcp, "udp": udp or [], "options": options}


def _usage(text: str, code: int) -> BuiltinPlan:
    return _plan("refuse", [], text=text, code=code)


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


def _agnhost(arguments: Sequence[str], bind_port: BindPort) -> BuiltinPlan:
    command, *rest = arguments or ("pause",)
    flags, unknown = read_flags(rest)
    if unknown:
        return _usage(f'Error: unknown command "{unknown}" for "app {command}"', 1)
    match command:
        case "pause":
            return _plan("pause", [])
        case "netexec":
            return _netexec(flags, bind_port)
        case "serve-hostname":
            return _serve_hostname(flags, bind_port)
    return _usage(f"kubesvc's agnhost knows netexec, serve-hostname and pause, not {command!r}", 1)


def _serve_hostname(flags: dict[str, str], bind_port: BindPort) -> BuiltinPlan:
    port = _port(flags.get("port", "9376"))
    if port is None:
        return _usage(f'Error: invalid argument "{flags["port"]}" for "--port" flag', 1)
    has_udp, has_tcp = flags.get("udp") == "true", flags.get("tcp") == "true"
    is_http = not has_udp and not has_tcp and flags.get("http") != "false"
    if not is_http and not has_udp:
        return _usage("kubesvc's serve-hostname speaks HTTP and UDP only", 1)
    bound = bind_port(port)
    return _plan("serve-hostname", [bound] if is_http else [], [bound] if has_udp else [])


def _netexec(flags: dict[str, str], bind_port: BindPort) -> BuiltinPlan:
    unknown = flags.keys() - {"http-port", "udp-port", "delay-shutdown", "sctp-port", "http-override"}
    http, udp = _port(flags.get("http-port", "8080")), _port(flags.get("udp-port", "8081"))
    if unknown:
        return _usage(f"Error: unknown flag: --{min(unknown)}", 1)
    if http is None or udp is None:
        return _usage("Error: invalid argument for a port flag", 1)
    return _plan("netexec", [bind_port(http)], [] if flags.get("udp-port") == "-1" else [bind_port(udp)])


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
