"""agnhost, the test image of Kubernetes: its commands and their flags, as server plans. Pure.

Follows k8s.io/kubernetes ``test/images/agnhost``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from kubeapi.serialization.duration import parse_duration
from kubelet.images.agnhostnetwork import (
    plan_connect,
    plan_mtls_client,
    plan_mtls_server,
    plan_net,
    plan_nettest,
    plan_no_snat_test,
    plan_no_snat_test_proxy,
    plan_port_forward_tester,
    plan_tcp_reset,
)
from kubelet.images.goflags import read_flags, read_number, read_port
from kubelet.images.grpchealth import plan_grpc_health
from kubelet.images.invocation import Invocation, bad_flag, dialling, no_flag
from kubelet.images.layer import CERTIFICATE_FILES
from kubelet.images.serverhost import ServerHost
from kubelet.images.webhook import CONVERSION_FLAGS, WEBHOOK_FLAGS, plan_conversion, plan_webhook
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server

ENTRYPOINT = "/agnhost"
_SERVE_PORT = re.compile(r"SERVE_(TCP_|UDP_|TLS_)?PORT_([0-9]+)")
_LONG_FLAGS = {"t": "log-lines-total", "d": "run-duration"}


def plan(
    arguments: Sequence[str], host: ServerHost, environment: Mapping[str, str], entrypoint: str = ENTRYPOINT
) -> ServerPlan:
    """Return the plan of agnhost with these arguments; ``entrypoint`` is the name by which it was called."""
    command, *rest = arguments or ("pause",)
    if command == "connect":
        return plan_connect(rest, host)
    if command == "entrypoint-tester":
        return plan_server(command, argv=[entrypoint, command, *rest])
    if command not in _COMMANDS:
        known = ", ".join(sorted((*_COMMANDS, "connect", "entrypoint-tester")))
        return plan_refusal(f"kubesvc's agnhost knows {known}, not {command!r}", 1)
    read, unknown = read_flags(rest)
    if unknown:
        return plan_refusal(f'Error: unknown command "{unknown}" for "app {command}"', 1)
    allowed, make = _COMMANDS[command]
    flags = {_LONG_FLAGS.get(name, name): value for name, value in read.items()}
    return no_flag(flags, allowed) or make(Invocation(flags, host, environment))


def _pause(given: Invocation) -> ServerPlan:
    delay = read_number(given.flags.get("delay-shutdown", "0"))
    return (
        plan_server("pause", delay=delay, text="Paused")
        if delay is not None
        else bad_flag(given.flags, "delay-shutdown")
    )


def _grpc_health(given: Invocation) -> ServerPlan:
    return plan_grpc_health(given.flags, given.host)


def _guestbook(given: Invocation) -> ServerPlan:
    flags, bind_port = given.flags, given.host.bind_port
    http, backend = read_port(flags.get("http-port", "80")), read_port(flags.get("backend-port", "6379"))
    if http is None or backend is None:
        return bad_flag(flags, "http-port" if http is None else "backend-port")
    options = {"backend_port": backend, "replica_of": flags.get("replicaof", ""), **dialling(given.host)}
    return plan_server("guestbook", [bind_port(http)], **options)


def _serve_hostname(given: Invocation) -> ServerPlan:
    flags = given.flags
    port = read_port(flags.get("port", "9376"))
    if port is None:
        return bad_flag(flags, "port")
    has_udp, has_tcp = flags.get("udp") == "true", flags.get("tcp") == "true"
    is_http = flags.get("http", "true") == "true"
    if is_http and (has_tcp or has_udp):
        return plan_refusal("Can't server TCP/UDP mode and HTTP mode at the same time", 1)
    bound = [given.host.bind_port(port)]
    is_closing = flags.get("close") == "true"
    tcp, udp = bound if is_http or has_tcp else [], bound if has_udp else []
    return plan_server("serve-hostname", tcp, udp, raw=has_tcp, close=is_closing)


def _netexec(given: Invocation) -> ServerPlan:
    flags, bind_port = given.flags, given.host.bind_port
    http, udp = read_port(flags.get("http-port", "8080")), read_port(flags.get("udp-port", "8081"))
    delay = read_number(flags.get("delay-shutdown", "0"))
    if http is None or udp is None or delay is None:
        return plan_refusal("Error: invalid argument for a port flag or for --delay-shutdown", 1)
    # As with the real one a file of the image, /localhost.crt; the built-in servers have a certificate of their own.
    is_tls = bool(flags.get("tls-cert-file"))
    return plan_server(
        "netexec",
        [] if is_tls else [bind_port(http)],
        [bind_port(udp)] if udp else [],
        [bind_port(http)] if is_tls else [],
        delay=delay,
        http_port=http,
        udp_port=udp,
        override=flags.get("http-override", ""),
        **dialling(given.host),
    )


def _porter(given: Invocation) -> ServerPlan:
    """Return the plan of porter, which takes its ports from the environment."""
    bound: dict[str, list[int]] = {"tcp": [], "udp": [], "tls": []}
    texts: dict[str, str] = {}
    for name, text in given.environment.items():
        found = _SERVE_PORT.fullmatch(name)
        port = read_port(found[2]) if found else None
        if found and port:
            protocol, here = (found[1] or "TCP_").lower().rstrip("_"), given.host.bind_port(port)
            bound[protocol].append(here)
            texts[f"udp/{here}" if protocol == "udp" else str(here)] = text
    is_json = given.flags.get("json-response") == "true"
    return plan_server("porter", bound["tcp"], bound["udp"], bound["tls"], texts=texts, json=is_json)


def _liveness(given: Invocation) -> ServerPlan:
    return plan_server("liveness", [given.host.bind_port(8080)])


def _h2c_server(given: Invocation) -> ServerPlan:
    port = read_port(given.flags.get("port", "80"))
    if port is None:
        return bad_flag(given.flags, "port")
    bound = given.host.bind_port(port)
    return plan_server("h2c-server", [bound], port=bound)


def _in_cluster_client(given: Invocation) -> ServerPlan:
    seconds = read_number(given.flags.get("poll-interval", "30"))
    return bad_flag(given.flags, "poll-interval") if not seconds else plan_server("inclusterclient", seconds=seconds)


def _test_webserver(given: Invocation) -> ServerPlan:
    port = read_port(given.flags.get("port", "80"))
    if not port:
        return bad_flag(given.flags, "port")
    files = list(CERTIFICATE_FILES) if given.host.is_sandboxed else []
    return plan_server("test-webserver", [given.host.bind_port(port)], roots=list(given.host.served), files=files)


def _logs_generator(given: Invocation) -> ServerPlan:
    flags = given.flags
    lines, seconds = read_number(flags.get("log-lines-total", "0")), parse_duration(flags.get("run-duration", "0s"))
    if lines is None:
        return bad_flag(flags, "log-lines-total")
    if seconds is None:
        return bad_flag(flags, "run-duration")
    if not lines:
        return plan_refusal(f"Invalid total number of lines: {lines}", 255)
    if seconds <= 0:
        return plan_refusal(f"Invalid duration: {flags.get('run-duration', '0s')}", 255)
    return plan_server("logs-generator", lines=lines, seconds=seconds)


def _mounttest(given: Invocation) -> ServerPlan:
    flags = given.flags
    seconds = read_number(flags.get("retry_time", "180"))
    if seconds is None:
        return bad_flag(flags, "retry_time")
    until_new = flags.get("break_on_expected_content", "true") == "true"
    return plan_server("mounttest", flags=flags, retry_seconds=seconds, until_new=until_new)


def _verify_issuer(given: Invocation) -> ServerPlan:
    flags = given.flags
    return plan_server(
        "test-service-account-issuer-discovery",
        token_path=flags.get("token-path", ""),
        audience=flags.get("audience", ""),
    )


def _writes(command: str) -> Callable[[Invocation], ServerPlan]:
    """Return what plans a command that has no flags: it writes something and exits."""
    return lambda _: plan_server(command)


_COMMANDS: Mapping[str, tuple[frozenset[str], Callable[[Invocation], ServerPlan]]] = {
    name: (frozenset(flags.split()), make)
    for name, flags, make in (
        ("dns-server-list", "", _writes("dns-server-list")),
        ("dns-suffix", "", _writes("dns-suffix")),
        ("etc-hosts", "", _writes("etc-hosts")),
        ("liveness", "", _liveness),
        ("logs-generator", "log-lines-total run-duration", _logs_generator),
        (
            "mounttest",
            "fs_type file_mode file_perm file_owner new_file_0644 new_file_0666 new_file_0660 new_file_0777 "
            "file_content file_content_in_loop retry_time break_on_expected_content",
            _mounttest,
        ),
        (
            "netexec",
            "http-port udp-port delay-shutdown sctp-port http-override udp-listen-addresses "
            "tls-cert-file tls-private-key-file",
            _netexec,
        ),
        ("grpc-health-checking", "port http-port delay-unhealthy-sec service", _grpc_health),
        ("crd-conversion-webhook", CONVERSION_FLAGS, lambda given: plan_conversion(given.flags, given.host)),
        ("h2c-server", "port", _h2c_server),
        ("inclusterclient", "poll-interval", _in_cluster_client),
        ("guestbook", "http-port backend-port replicaof", _guestbook),
        ("mtlsclient", "fetch-url server-trust-bundle client-cred-bundle", plan_mtls_client),
        ("mtlsserver", "listen server-creds spiffe-trust-bundle", plan_mtls_server),
        ("net", "serve runner options delay-shutdown", plan_net),
        ("nettest", "port peers service namespace delay-shutdown", plan_nettest),
        ("no-snat-test", "port", plan_no_snat_test),
        ("no-snat-test-proxy", "port", plan_no_snat_test_proxy),
        ("pause", "delay-shutdown", _pause),
        ("port-forward-tester", "", plan_port_forward_tester),
        ("porter", "json-response", _porter),
        ("serve-hostname", "port tcp udp http close", _serve_hostname),
        ("tcp-reset", "port", plan_tcp_reset),
        ("test-service-account-issuer-discovery", "token-path audience", _verify_issuer),
        ("test-webserver", "port", _test_webserver),
        ("webhook", WEBHOOK_FLAGS, lambda given: plan_webhook(given.flags, given.host)),
    )
}
"""The commands that take no arguments: their flags, and what plans them."""
