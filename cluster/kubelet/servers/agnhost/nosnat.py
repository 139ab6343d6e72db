"""``agnhost no-snat-test`` and ``no-snat-test-proxy``: whether others see a pod's own address.

Follows k8s.io/kubernetes ``test/images/agnhost``. What asks other servers blocks, so a child answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kubehost.addresses import join_host_port
from kubehost.errortexts import errno_text
from kubelet.servers.agnhost.dial import PAGE_REFUSED, get, is_of_a_web_page
from kubelet.servers.agnhost.dialling import Dialler, LookupFailedError
from kubelet.servers.http.messages import Request, Response, Service, plain

_HTTP = 80
_UNEXPECTED = "SNAT to unexpected ip (possible SNAT through unexpected interface on the way into another node)"


class _FailedError(Exception):
    """A server could not be asked; the text is Go's."""


def no_snat_test(environment: Mapping[str, str], dialler: Dialler) -> Service:
    """Return the service of a pod that asks others, by ``/whoami``, what they see of it."""

    def respond(request: Request) -> Response:
        if request.path == "/whoami":
            return Response(200, request.client.encode())
        return _answer(request, lambda query: _check_all(query, environment, dialler))

    return Service(respond, ())


def no_snat_test_proxy(dialler: Dialler) -> Service:
    """Return the service that has another one ask."""
    return Service(lambda request: _answer(request, lambda query: _pass_on(query, dialler)), ())


def _answer(request: Request, check: Callable[[Mapping[str, str]], Response]) -> Response:
    if request.path != "/checknosnat":
        return plain(404)
    if is_of_a_web_page(request.headers):
        return PAGE_REFUSED
    return Response(200, b"", later=partial(check, request.query))


def _check_all(query: Mapping[str, str], environment: Mapping[str, str], dialler: Dialler) -> Response:
    faults = [_fault(each, environment, dialler) for each in query.get("ips", "").split(",")]
    text = ", ".join(filter(None, faults))
    return Response(500 if text else 200, text.encode())


def _fault(host: str, environment: Mapping[str, str], dialler: Dialler) -> str:
    """Return what is wrong with the address that a server sees, "" if nothing is. As there, it is of IPv4."""
    try:
        _, said = _get(host, "whoami", dialler)
    except _FailedError as error:
        return str(error)
    seen, pod, node = said.partition(":")[0], environment["POD_IP"], environment["NODE_IP"]
    if seen == pod:
        return ""
    if seen == node:
        return f'Returned ip "{seen}" != my Pod ip "{pod}", == my Node ip "{node}" - SNAT'
    return f'Returned ip "{seen}" != my Pod ip "{pod}" or my Node ip "{node}" - {_UNEXPECTED}'


def _pass_on(query: Mapping[str, str], dialler: Dialler) -> Response:
    target, asked = query.get("target", ""), f"checknosnat?ips={query.get('ips', '')}"
    try:
        status, said = _get(target, asked, dialler)
    except _FailedError as error:
        return Response(500, f'error querying "http://{target}/{asked}", err: {error}'.encode())
    return Response(status, said.encode())


def _get(host: str, asked: str, dialler: Dialler) -> tuple[int, str]:
    """Return status and body of an answer; _FailedError."""
    name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdecimal() else (host, "", str(_HTTP))
    if not name:
        raise _FailedError(f'Get "http://{host}/{asked}": http: no Host in request URL')
    place = host
    try:
        address = dialler.resolve(name.strip("[]"))
        place = join_host_port(address, int(port))
        return get(address, int(port), asked, dialler)
    except LookupFailedError as error:
        reason = f"dial tcp: {error}"
    except TimeoutError:
        reason = f"dial tcp {place}: i/o timeout"
    except OSError as error:
        reason = f"dial tcp {place}: connect: {errno_text(error)}"
    except ValueError as error:
        reason = str(error)
    raise _FailedError(f'Get "http://{host}/{asked}": {reason}')
