"""The files that an image brings along: what a container in a sandbox has in place of the machine's. Pure.

A container has the machine's file system. Each part here is a file or folder of the container's own, mounted over it
before the container's volumes, which it may change: so `echo hi > /usr/share/nginx/html/index.html` acts on one
container, and lasts as long as that does. Follows the Dockerfiles of the official images nginx and httpd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubehost.addresses import join_host_port
from kubelet.images.localhost import CERTIFICATE, KEY
from kubelet.images.pages import HTTPD_PAGE, NGINX_ERROR_PAGE, NGINX_PAGE

CERTIFICATE_FILES = {"/localhost.crt": CERTIFICATE, "/localhost.key": KEY}
"""Of agnhost, by their paths."""
HTTPD_ROOT = "/usr/local/apache2/htdocs"
NGINX_ROOT = "/usr/share/nginx/html"
NGINX_SITES = "/etc/nginx/conf.d"
NGINX_CONFIGURATION = """\

user  nginx;
worker_processes  1;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
"""
NGINX_DEFAULT_SITE = """\
server {{
    listen       {listen};
    server_name  localhost;
    add_header   X-Pod "$hostname" always;

    location / {{
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }}

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {{
        root   /usr/share/nginx/html;
    }}
}}
"""


class LayerPart(NamedTuple):
    """One file or folder of an image at the path ``target``.

    A folder has ``files`` (content by name) and ``links`` (where they lead, by name). A file has ``content``, after
    that of the machine's own file at this path if ``is_added``; ``files`` is None then. One
    that ``is_movable`` is copied into the container's root rather than mounted. With ``machine`` it is this file of the
    machine, at another path.
    """

    target: str
    files: Mapping[str, str] | None = None
    links: Mapping[str, str] = {}
    content: str = ""
    is_added: bool = False
    is_executable: bool = False
    is_movable: bool = False
    machine: str = ""


def nginx_layer(address: str) -> tuple[LayerPart, ...]:
    """Return the files of the image nginx; its default site listens on ``address``, "" for all of them.

    The user nginx has the id 0, as a namespace of an ordinary user may have no other. The folder in /var/lib is where
    Debian's nginx has its temporary files.
    """
    listen = join_host_port(address, 80) if address else "80"
    return (
        LayerPart("/etc/nginx/nginx.conf", content=NGINX_CONFIGURATION),
        LayerPart(NGINX_SITES, {"default.conf": NGINX_DEFAULT_SITE.format(listen=listen)}),
        LayerPart(NGINX_ROOT, {"index.html": NGINX_PAGE, "50x.html": NGINX_ERROR_PAGE}),
        LayerPart("/var/log/nginx", {}, {"access.log": "/dev/stdout", "error.log": "/dev/stderr"}),
        LayerPart("/var/cache/nginx", {}),
        LayerPart("/var/lib/nginx", {}),
        LayerPart("/etc/passwd", content="nginx:x:0:0:nginx user:/nonexistent:/bin/false\n", is_added=True),
        LayerPart("/etc/group", content="nginx:x:0:\n", is_added=True),
    )


def httpd_layer() -> tuple[LayerPart, ...]:
    """Return the files of the image httpd."""
    return (LayerPart(HTTPD_ROOT, {"index.html": HTTPD_PAGE}),)


def page_layer() -> tuple[LayerPart, ...]:
    """Return the files of the image nginx where nginx is not installed."""
    return (LayerPart(NGINX_ROOT, {"index.html": NGINX_PAGE, "50x.html": NGINX_ERROR_PAGE}),)


def agnhost_layer(scripts: Mapping[str, str]) -> tuple[LayerPart, ...]:
    """Return the files of agnhost: its programs, which are scripts, by their paths, and its certificate."""
    certificate = (LayerPart(path, content=text, is_movable=True) for path, text in CERTIFICATE_FILES.items())
    return (*program_layer(scripts), *certificate)


def program_layer(scripts: Mapping[str, str]) -> tuple[LayerPart, ...]:
    """Return programs that are scripts, by their paths."""
    return tuple(LayerPart(path, content=script, is_executable=True) for path, script in scripts.items())


def machine_layer(target: str, program: str) -> tuple[LayerPart, ...]:
    """Return a program of the machine at an image's own path; ``program`` is the machine's, "" for none."""
    return (LayerPart(target, machine=program),) if program else ()
