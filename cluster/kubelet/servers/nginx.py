"""The real nginx as a container: with a configuration, and sockets that already listen.

A sandbox has nginx's files where the image has them; without one they are in a folder of the container. The sockets are
handed over in ``NGINX=fd;``, the variable by which nginx passes its listeners to its next binary: the
pod answers from the first moment on, since the kernel queues what comes while nginx reads its configuration.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kubehost.addresses import join_host_port
from kubelet.servers.http.listening import listen
from kubelet.spec.server import ServerPlan

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
{user}
events {{ worker_connections 1024; }}
http {{
    types {{ text/html html htm; text/css css; text/plain txt; application/javascript js; application/json json;
        image/svg+xml svg; image/png png; image/jpeg jpg jpeg; image/gif gif; image/x-icon ico; }}
    default_type application/octet-stream;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
        '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
    access_log /dev/stdout main;
    sendfile on;
    keepalive_timeout 65;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {listen};
        server_name localhost;
        add_header X-Pod "{name}" always;
        location / {{ root html; index index.html index.htm; }}
        error_page 500 502 503 504 /50x.html;
        location = /50x.html {{ root html; }}
    }}
}}
"""


def become(listener: socket.socket, options: Mapping[str, Any], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by nginx, which serves ``options["page"]`` on ``listener``; OSError if it cannot."""
    prefix = Path.cwd()
    (prefix / "html").mkdir(exist_ok=True)
    (prefix / "html" / "index.html").write_text(options["page"])
    address, port = listener.getsockname()[:2]
    name = environment.get("HOSTNAME", "")
    # Started by root, nginx's worker would run as nobody, and could not enter the state folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (prefix / "nginx.conf").write_text(CONFIGURATION.format(user=user, listen=join_host_port(address, port), name=name))
    os.set_inheritable(listener.fileno(), True)
    variables = {**environment, "NGINX": f"{listener.fileno()};"}
    argv = ["nginx", "-p", f"{prefix}/", "-c", "nginx.conf"]
    os.execve(options["binary"], argv, variables)  # noqa: S606 - no shell


TEMPLATES, SITES = Path("/etc/nginx/templates"), Path("/etc/nginx/conf.d")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def run_image(address: str, plan: ServerPlan, environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by nginx with the files of its image; OSError if it cannot.

    Does first what the image's entry point does: fills in templates with variables of the environment, and listens by
    IPv6 too where the kernel has it. A port in ``plan`` is that of the default site, which nobody has replaced.
    """
    variables = dict(environment)
    with contextlib.suppress(FileNotFoundError):
        for template in sorted(TEMPLATES.rglob("*.template")):
            target = SITES / template.relative_to(TEMPLATES).with_suffix("")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(fill_template(template.read_text(), environment))
    if plan.tcp:
        listeners = [listen(each, port) for each in _addresses(address) for port in plan.tcp]
        for each in listeners:
            os.set_inheritable(each.fileno(), True)
        variables["NGINX"] = "".join(f"{each.fileno()};" for each in listeners)
    os.execve(plan.options["binary"], plan.options["argv"], variables)  # noqa: S606 - no shell


def _addresses(address: str) -> tuple[str, ...]:
    """Return the addresses of the default site, into which that of IPv6 is written if the kernel has it."""
    if address:
        return (address,)
    if not Path("/proc/net/if_inet6").exists():
        return ("0.0.0.0",)  # noqa: S104 - of the pod's own network
    site = SITES / "default.conf"
    site.write_text(site.read_text().replace("80;\n", "80;\n    listen  [::]:80;\n", 1))
    return ("0.0.0.0", "::")  # noqa: S104


def fill_template(text: str, environment: Mapping[str, str]) -> str:
    """Replace $NAME and ${NAME} of variables that the environment has (envsubst with a list of those)."""
    return _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], match[0]), text)
