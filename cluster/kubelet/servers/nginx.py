"""The real nginx as a container: with a prefix folder, a configuration, and a socket that already listens.

The socket is handed over in ``NGINX=fd;``, the variable by which nginx passes its listeners to its next binary: the
pod answers from the first moment on, since the kernel queues what comes while nginx reads its configuration.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kubehost.addresses import join_host_port

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
