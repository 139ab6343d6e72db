"""Validate requests for logs, exec, attach and port-forward; the kubelet serves the resulting ``Session``. Pure.

Follows ``pkg/registry/core/pod/strategy.go`` and the kubelet's own answers.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.meta import JSON, key_of
from kubeapi.objects.pod import read_pod
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.registry.admission import ADMIT_ALL, Action
from kubeapi.serialization.gotime import read_time
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubeapi.validation.faults import WHOLE, forbidden, invalid
from kubeapiserver.admission.reviews import Requester, plain_options
from kubeapiserver.admission.webhooks import Webhooks
from kubeapiserver.errors import BadInput, InvalidInput
from kubeapiserver.messages import (
    TEXT_TYPE,
    CommandSession,
    LogSession,
    PortForwardSession,
    Request,
    Response,
    Session,
)
from kubeapiserver.requests.options import read_integer
from kubeapiserver.requests.resource import ResourceRequest

_PORTS = range(1, 65536)


class Sessions:
    """Answers requests for connections to containers."""

    def __init__(self, store: Store, clock: Callable[[], float], webhooks: Webhooks) -> None:
        self._store = store
        self._webhooks = webhooks
        self._clock = clock

    def answer(self, request: ResourceRequest) -> Response | Session:
        """Return the session for a pod's ``log``, ``exec``, ``attach`` or ``portforward``."""
        pod = self._store.get(request.resource, *request.key)
        if request.path.subresource == "log":
            return self._log(request.http, pod)
        self._review(request)
        match request.path.subresource:
            case "exec":
                return _exec(request.http, pod)
            case "attach":
                return _attach(request.http, pod)
        return _port_forward(request.http, pod)

    def _review(self, request: ResourceRequest) -> None:
        """Raise StatusError if an admission webhook denies the connection."""
        action = Action("CONNECT", request.resource, request.key, request.path.subresource)
        requester = Requester(request.http.user, plain_options)
        admission = self._webhooks.admission(requester, request.http.reviews, [])
        if admission is not ADMIT_ALL:
            admission.validate(action, admission.mutated(action, _options_document(request), None), None)

    def _log(self, request: Request, pod: JSON) -> Response | Session:
        faults = _log_faults(request)
        if faults:
            raise InvalidInput("PodLogOptions", "", pod["metadata"]["name"], *faults)
        container = find_container(pod, request.get("container"), "container")
        if not read_pod(pod).node_name:
            return Response(200, b"", TEXT_TYPE)
        is_previous = request.has_flag("previous")
        _check_has_log(pod, container, is_previous=is_previous)
        options = PodLogOptions(
            container,
            follow=request.has_flag("follow"),
            previous=is_previous,
            since_seconds=self._since(request),
            tail_lines=read_integer(request, "tailLines"),
            timestamps=request.has_flag("timestamps"),
        )
        return LogSession(key_of(pod), options, read_integer(request, "limitBytes"))

    def _since(self, request: Request) -> float | None:
        if (seconds := read_integer(request, "sinceSeconds")) is not None:
            return float(seconds)
        text = request.get("sinceTime")
        if not text:
            return None
        try:
            time = read_time(text)
        except ValueError as error:
            raise BadInput(str(error)) from None
        return max(self._clock() - time.second - time.nanosecond / 1e9, 0.0)


def _options_document(request: ResourceRequest) -> JSON:
    """Return the options of a connection as an AdmissionReview tells them."""
    http, subresource = request.http, request.path.subresource
    if subresource == "portforward":
        ports = [int(text) for text in http.query.get("ports", ()) if text.isascii() and text.isdecimal()]
        return {"kind": "PodPortForwardOptions", "apiVersion": "v1", "ports": ports}
    options: JSON = {"kind": f"Pod{subresource.capitalize()}Options", "apiVersion": "v1"}
    options |= {name: True for name in ("stdin", "stdout", "stderr", "tty") if http.has_flag(name)}
    if container := http.get("container"):
        options["container"] = container
    return options | ({"command": list(http.query.get("command", ()))} if subresource == "exec" else {})


def find_container(pod: JSON, asked: str, what: str) -> str:
    """Return the container ``asked`` for, by default the pod's only one; BadInput. ``what`` is for the message."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    mains = [each["name"] for each in spec["containers"]]
    inits = [each["name"] for each in spec.get("initContainers", ())]
    others = [each["name"] for each in spec.get("ephemeralContainers", ())]
    if asked in (*mains, *inits, *others):
        return asked
    if asked:
        raise BadInput(f"container {asked} is not valid for pod {name}")
    if len(mains) == 1:
        return str(mains[0])
    message = f"a {what} name must be specified for pod {name}, choose one of: [{' '.join(mains)}]"
    if inits:
        message += f" or one of the init containers: [{' '.join(inits)}]"
    raise BadInput(message)


def _check_host(pod: JSON) -> None:
    if not read_pod(pod).node_name:
        raise BadInput(f"pod {pod['metadata']['name']} does not have a host assigned")


def _exec(request: Request, pod: JSON) -> CommandSession:
    container = find_container(pod, request.get("container"), "container")
    _check_host(pod)
    command = tuple(request.query.get("command", ()))
    if not command:
        raise BadInput("you must specify at least one command for the container")
    return _command(request, pod, container, command)


def _attach(request: Request, pod: JSON) -> CommandSession:
    container = find_container(pod, request.get("container"), "container")
    _check_host(pod)
    return _command(request, pod, container, ())


def _command(request: Request, pod: JSON, container: str, command: tuple[str, ...]) -> CommandSession:
    """Return a session with the requested streams; with a terminal stderr is a part of stdout."""
    has_stdin, has_stdout, has_stderr, is_tty = map(request.has_flag, ("stdin", "stdout", "stderr", "tty"))
    if not (has_stdin or has_stdout or has_stderr):
        raise BadInput("you must specify at least 1 of stdin, stdout, stderr")
    options = PodExecOptions(container, command, has_stdin, is_tty)
    return CommandSession(key_of(pod), options, has_stdout, has_stderr and not is_tty)


def _port_forward(request: Request, pod: JSON) -> PortForwardSession:
    _check_host(pod)
    ports = []
    for text in (part for value in request.query.get("ports", ()) for part in value.split(",")):
        port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
        if port not in _PORTS:
            raise BadInput(f'unable to parse "{text}" as a port: it must be between 1 and 65535')
        ports.append(port)
    return PortForwardSession(key_of(pod), tuple(ports))


def _log_faults(request: Request) -> list[FieldError]:
    """Return the faults of PodLogOptions (``pkg/apis/core/validation`` ValidatePodLogOptions)."""
    faults = [
        invalid(name, value, f"must be greater than {least - 1}" if least else "must be greater than or equal to 0")
        for name, least in (("tailLines", 0), ("limitBytes", 1), ("sinceSeconds", 1))
        if (value := read_integer(request, name)) is not None and value < least
    ]
    if request.get("sinceSeconds") and request.get("sinceTime"):
        faults.append(forbidden(WHOLE, "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    return faults


def _check_has_log(obj: JSON, container: str, *, is_previous: bool) -> None:
    """Raise BadInput for a container that has not run, as the kubelet does (validateContainerLogStatus)."""
    status, name = read_pod(obj).status_of(container), obj["metadata"]["name"]
    if is_previous:
        if status.last_terminated is None:
            raise BadInput(f'previous terminated container "{container}" in pod "{name}" not found')
    elif status.running is None and status.latest_end is None:
        reason = status.reason or "ContainerCreating"
        raise BadInput(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
