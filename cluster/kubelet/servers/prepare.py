"""Turns the plan of a built-in server into bound sockets and the function that serves them.

A server binds all its ports before its start is reported.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from kubelet.servers import files, nginx, pages
from kubelet.servers.agnhost import crdconversion, grpchealth, http2calls, netexec, reset, webhook
from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.http.children import STOP_SIGNALS
from kubelet.servers.http.listening import bind_datagrams, listen
from kubelet.servers.http.messages import Service
from kubelet.servers.http.server import Server, Sockets
from kubelet.servers.programs import is_program, prepare_program, refuse
from kubelet.spec.server import ServerError, ServerPlan


def _backend(options: Mapping[str, Any], name: str) -> Service:
    # Imported here, because no other server needs its models.
    from kubelet.servers.backend.service import backend

    return backend(options, name)


SERVICES: Mapping[str, Callable[[Mapping[str, Any], str], Service]] = {
    "page": pages.page,
    "backend": _backend,
    "http-echo": pages.http_echo,
    "serve-hostname": netexec.serve_hostname,
    "porter": netexec.porter,
    "liveness": netexec.liveness,
    "grpc-health-checking": grpchealth.grpc_health,
    "h2c-server": http2calls.h2c_server,
    "test-webserver": files.file_server,
    "files": files.document_server,
    "tcp-reset": reset.tcp_reset,
    "webhook": webhook.webhook,
    "crd-conversion-webhook": crdconversion.crd_conversion_webhook,
}
"""The services that are made from their options and their pod's name alone."""


def prepare(plan: ServerPlan, address: str, environment: Mapping[str, str]) -> Callable[[], NoReturn]:
    """Bind everything of ``plan`` on ``address`` and return what serves it; ServerError or OSError if it cannot.

    Of several addresses, with commas between, the first is the pod's own, from which it dials.
    A server that a signal ends gracefully has the signals blocked until it serves, as it counts as started from now on.
    nginx never returns: it takes the place of this process.
    """
    addresses = address.split(",")
    address = addresses[0]
    if plan.server == "nginx-image":
        nginx.run_image(address, plan, environment)
    sockets = Sockets(
        [listen(each, port) for port in plan.tcp for each in addresses],
        [bind_datagrams(each, port) for port in plan.udp for each in addresses],
        [listen(each, port) for port in plan.tls for each in addresses],
    )
    if plan.server == "nginx":
        nginx.become(sockets.tcp[0], plan.options, environment)
    dialler = Dialler.of(plan.options, address, environment.get("POD_NAMESPACE", "default"))
    if is_program(plan.server):
        return prepare_program(plan, address, environment, dialler)
    if plan.server == "guestbook":
        return partial(_serve_guestbook, plan.options, dialler, sockets)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    service = _dialling_service(plan, environment, dialler) or _service(plan, environment)
    return Server(service, sockets).serve


def _serve_guestbook(options: Mapping[str, Any], dialler: Dialler, sockets: Sockets) -> NoReturn:
    # Imported here, because no other server needs it.
    from kubelet.servers.agnhost.guestbook import UnregisteredError, guestbook

    book, service = guestbook(options, dialler)
    try:
        if options["replica_of"]:
            book.register_with(options["replica_of"])
    except UnregisteredError as error:
        refuse(str(error), 1)
    Server(service, sockets).serve()


def _dialling_service(plan: ServerPlan, environment: Mapping[str, str], dialler: Dialler) -> Service | None:
    """Return the service of a server that is a client too, None for another one."""
    match plan.server:
        case "netexec":
            return netexec.netexec_service(plan.options, environment, dialler)
        # Imported here, because no other server needs them.
        case "nettest":
            from kubelet.servers.agnhost.nettest import nettest

            return nettest(plan.options, environment, dialler)
        case "no-snat-test" | "no-snat-test-proxy":
            from kubelet.servers.agnhost import nosnat

            is_proxy = plan.server == "no-snat-test-proxy"
            return nosnat.no_snat_test_proxy(dialler) if is_proxy else nosnat.no_snat_test(environment, dialler)
        case "net":
            from kubelet.servers.agnhost.halfclose import net_server

            return net_server(dialler, plan.options["delay"])
    return None


def _service(plan: ServerPlan, environment: Mapping[str, str]) -> Service:
    make = SERVICES.get(plan.server)
    if make is None:
        # Imported here, because no other server needs them.
        from kubelet.servers.demos import DEMO_SERVICES

        make = DEMO_SERVICES.get(plan.server)
    if make is None:
        raise ServerError(f"no such server: {plan.server}")
    return make(plan.options, environment.get("HOSTNAME", ""))
