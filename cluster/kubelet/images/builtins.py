"""The images that kubesvc has servers of its own for: from a container's arguments to a server's plan. Pure.

The arguments are read as the real program reads them. ``ServerHost.bind_port`` is applied here, so that a server binds
the ports of its plan as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelet.images import agnhost
from kubelet.images.goflags import read_flags, read_number, read_port
from kubelet.images.serverhost import ServerHost
from kubelet.servers.plan import ServerPlan, plan_refusal, plan_server

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


def plan_builtin(
    name: str,
    arguments: Sequence[str],
    host: ServerHost,
    environment: Mapping[str, str] | None = None,
    entrypoint: str = "",
) -> ServerPlan:
    """Return the plan of a built-in; arguments that the program would refuse give a plan that says so and exits.

    ``entrypoint`` is the name by which a container's command calls it, "" for the image's own.
    """
    match name:
        case "nginx" if host.nginx:
            return plan_server("nginx", [host.bind_port(80)], binary=host.nginx, page=NGINX_PAGE)
        case "nginx":
            return plan_server("page", [host.bind_port(80)], page=NGINX_PAGE, banner="nginx")
        case "httpd":
            return plan_server("page", [host.bind_port(80)], page=HTTPD_PAGE, banner="Apache")
        case "http-echo":
            return _http_echo(arguments, host)
        case "agnhost":
            variables = environment if environment is not None else {}
            return agnhost.plan(arguments, host, variables, entrypoint or agnhost.ENTRYPOINT)
        case "pause":
            return plan_server("pause", delay=0)
    raise KeyError(name)


def plan_page(page: str, port: int) -> ServerPlan:
    """Return the plan of a web server that answers every request with one page; ``port`` is bound as it is."""
    return plan_server("page", [port], page=page, banner="kubesvc")


def _http_echo(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    flags, unknown = read_flags(arguments)
    known = {"listen", "text", "status-code", "version"}
    if unknown or flags.keys() - known:
        return plan_refusal(f"flag provided but not defined: -{next(iter(flags.keys() - known), unknown)}", 2)
    if not flags.get("text"):
        return plan_refusal("Missing -text option!", 127)
    port = read_port(flags.get("listen", ":5678").rpartition(":")[2])
    status = read_number(flags.get("status-code", "200"))
    if port is None:
        return plan_refusal(f"listen tcp: address {flags['listen']}: invalid port", 127)
    if status is None or not 100 <= status <= 599:
        return plan_refusal(f'invalid value "{flags["status-code"]}" for flag -status-code', 2)
    return plan_server("http-echo", [host.bind_port(port)], text=flags["text"], status=status)
