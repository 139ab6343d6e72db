"""The images that kubesvc has servers of its own for: from a container's arguments to a server's plan. Pure.

The arguments are read as the real program reads them. ``ServerHost.bind_port`` is applied here, so that a server binds
the ports of its plan as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubeapi.backends import AT_ONCE, BACKEND_ANNOTATION
from kubelet.images import agnhost
from kubelet.images.catalog import ImageSpec
from kubelet.images.demos import DEMOS, plan_demo
from kubelet.images.goflags import read_flags, read_number, read_port
from kubelet.images.layer import (
    HTTPD_ROOT,
    NGINX_ROOT,
    NGINX_SITES,
    LayerPart,
    agnhost_layer,
    httpd_layer,
    machine_layer,
    nginx_layer,
    page_layer,
    program_layer,
)
from kubelet.images.pages import HTTPD_PAGE, NGINX_PAGE
from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server
from kubelet.tools.scripts import image_programs


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
    variables = environment if environment is not None else {}
    if name in DEMOS:
        return plan_demo(name, arguments, host, variables)
    if name == "agnhost":
        return agnhost.plan(arguments, host, variables, entrypoint or agnhost.ENTRYPOINT)
    return _PLANS[name](arguments, host)


def image_layer(image: ImageSpec, host: ServerHost, tools: Mapping[str, str]) -> tuple[LayerPart, ...]:
    """Return the files of an image, for a container in a sandbox; ``tools`` are programs of this machine."""
    match image.builtin:
        case "nginx":
            return nginx_layer(host.address) if host.nginx else page_layer()
        case "httpd":
            return httpd_layer()
        case "agnhost":
            return agnhost_layer(image_programs("agnhost", tools))
    if image.program:
        return machine_layer(image.program, tools.get(image.command[0], ""))
    if not image.is_busybox:
        return ()
    shell = machine_layer("/bin/sh", tools.get("busybox", "")) if image.has_busybox_alone else ()
    return (*shell, *program_layer(image_programs("busybox", tools)))


def _nginx(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    """Return the plan of nginx: the real one where it is installed, in a sandbox with the image's own files."""
    ports = [host.bind_port(80)]
    if host.is_sandboxed and host.nginx:
        is_own = not any(map(host.is_served, (f"{NGINX_SITES}/default.conf", "/etc/nginx/nginx.conf")))
        argv = ["nginx", *(arguments or ("-g", "daemon off;"))]
        return plan_server("nginx-image", ports if is_own else [], binary=host.nginx, argv=argv)
    if host.is_sandboxed:
        return plan_server("files", ports, root=NGINX_ROOT, banner="nginx")
    if host.nginx:
        return plan_server("nginx", ports, binary=host.nginx, page=NGINX_PAGE)
    return plan_server("page", ports, page=NGINX_PAGE, banner="nginx")


def _httpd(_arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    if host.is_sandboxed:
        return plan_server("files", [host.bind_port(80)], root=HTTPD_ROOT, banner="Apache")
    return plan_server("page", [host.bind_port(80)], page=HTTPD_PAGE, banner="Apache")


def plan_page(page: str, port: int) -> ServerPlan:
    """Return the plan of a web server that answers every request with one page; ``port`` is bound as it is."""
    return plan_server("page", [port], page=page, banner="kubesvc")


def _backend(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    """Return the plan of a backend; its one argument is the pod's annotation, "" if it has none."""
    # Imported here alone: few clusters have such pods.
    from kubeapi.backends.reading import ModelError, read_backend

    model = next(iter(arguments), "") or AT_ONCE
    try:
        read_backend(model)
    except ModelError as error:
        return plan_refusal(f"{BACKEND_ANNOTATION}: {error}", 2)
    return plan_server("backend", [host.bind_port(8080)], model=model)


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


def _page(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    """Return the plan of a server of one page: its text and its path are the arguments."""
    text, path = (*arguments, *("", "/")[len(arguments) :])[:2]
    return plan_server("page", [host.bind_port(80)], page=text, path=path, banner="kubesvc")


def _out_of_window(_arguments: Sequence[str], _host: ServerHost) -> ServerPlan:
    return plan_server("out-of-window")


def _pause(_arguments: Sequence[str], _host: ServerHost) -> ServerPlan:
    return plan_server("pause", delay=0)


_PLANS: Mapping[str, Callable[[Sequence[str], ServerHost], ServerPlan]] = {
    "nginx": _nginx,
    "httpd": _httpd,
    "http-echo": _http_echo,
    "backend": _backend,
    "out-of-window": _out_of_window,
    "page": _page,
    "pause": _pause,
}
