"""agnhost's commands about connections, as server plans. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.serialization.duration import parse_duration
from kubeapi.validation.addresses import parse_address
from kubehost.addresses import LOCALHOST
from kubelet.images.goflags import read_flags, read_number, read_port
from kubelet.images.invocation import Invocation, bad_flag, dialling, no_flag
from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server


def plan_connect(arguments: Sequence[str], host: ServerHost) -> ServerPlan:
    """Return the plan of ``connect``, whose one argument is a host and a port."""
    flags, first = read_flags(arguments)
    position = list(arguments).index(first) if first else len(arguments)
    more, second = read_flags(arguments[position + 1 :])
    flags |= more
    if refused := no_flag(flags, {"timeout", "protocol", "udp-data", "sctp-data"}):
        return refused
    if not first or second:
        return plan_refusal(f"Error: accepts 1 arg(s), received {2 if second else 0}", 1)
    timeout, protocol = parse_duration(flags.get("timeout", "0s")), flags.get("protocol") or "tcp"
    if timeout is None:
        return bad_flag(flags, "timeout")
    if protocol not in ("tcp", "udp"):
        return plan_refusal("Unsupported protocol", 1)
    data = flags.get("udp-data", "hostname")
    return plan_server("connect", destination=first, timeout=timeout, protocol=protocol, data=data, **dialling(host))


def plan_port_forward_tester(given: Invocation) -> ServerPlan:
    """Return the plan of ``port-forward-tester``, which is set up by its environment."""
    text = given.environment.get("BIND_PORT", "")
    port = read_port(text)
    if not port:
        return plan_refusal(f"Error resolving: lookup tcp/{text}: unknown port", 1)
    address = given.environment.get("BIND_ADDRESS") or "localhost"
    bind = LOCALHOST if address == "localhost" else address
    return plan_server("port-forward-tester", port=given.host.bind_port(port), bind=bind)


def plan_net(given: Invocation) -> ServerPlan:
    """Return the plan of ``net``: a runner at once, or a server that is asked for runners."""
    flags, host = given.flags, given.host
    serve, runner = flags.get("serve", ""), flags.get("runner", "")
    delay = read_number(flags.get("delay-shutdown", "0"))
    if delay is None:
        return bad_flag(flags, "delay-shutdown")
    if not serve and not runner:
        return plan_refusal("Must set either --runner or --serve, see --help", 1)
    if serve:
        port = read_port(serve.rpartition(":")[2])
        if port is None:
            return plan_refusal(f"listen tcp: address {serve}: invalid port", 1)
        return plan_server("net", [host.bind_port(port)], delay=delay, **dialling(host))
    return plan_server("net-runner", runner=runner, options=flags.get("options", ""), **dialling(host))


def plan_nettest(given: Invocation) -> ServerPlan:
    """Return the plan of ``nettest``, which finds its peers by the Endpoints of a Service."""
    flags = given.flags
    port, peers = read_port(flags.get("port", "8080")), read_number(flags.get("peers", "8"))
    delay = read_number(flags.get("delay-shutdown", "0"))
    if not port or peers is None or delay is None:
        return bad_flag(flags, "port" if not port else "peers" if peers is None else "delay-shutdown")
    service = flags.get("service", "nettest")
    if not service:
        return plan_refusal("Must provide -service flag.", 1)
    namespace = flags.get("namespace", "default")
    options = {"peers": peers, "service": service, "namespace": namespace, **dialling(given.host)}
    return plan_server("nettest", [given.host.bind_port(port)], delay=delay, **options)


def plan_no_snat_test(given: Invocation) -> ServerPlan:
    """Return the plan of ``no-snat-test``, whose environment has the addresses of its pod and of its node."""
    for name in ("POD_IP", "NODE_IP"):
        address = given.environment.get(name)
        if address is None:
            return plan_refusal(f"{name} env var was not present in the environment", 1)
        if parse_address(address) is None:
            return plan_refusal(f'{name} env var contained "{address}", which is not an IP address', 1)
    return _plan_checking("no-snat-test", "8080", given)


def plan_no_snat_test_proxy(given: Invocation) -> ServerPlan:
    """Return the plan of ``no-snat-test-proxy``, which has another server ask."""
    return _plan_checking("no-snat-test-proxy", "31235", given)


def _plan_checking(server: str, default: str, given: Invocation) -> ServerPlan:
    port = read_port(given.flags.get("port", default))
    if not port:
        return bad_flag(given.flags, "port")
    return plan_server(server, [given.host.bind_port(port)], **dialling(given.host))


def plan_tcp_reset(given: Invocation) -> ServerPlan:
    """Return the plan of ``tcp-reset``, which resets every connection."""
    port = read_port(given.flags.get("port", "8080"))
    if not port:
        return bad_flag(given.flags, "port")
    here = given.host.bind_port(port)
    return plan_server("tcp-reset", [here], port=here)


def plan_mtls_server(given: Invocation) -> ServerPlan:
    """Return the plan of ``mtlsserver``, which asks its clients for certificates."""
    flags = given.flags
    listen, credentials, trust = (flags.get(each, "") for each in ("listen", "server-creds", "spiffe-trust-bundle"))
    if not listen or not credentials or not trust:
        return plan_refusal("Error: missing required flags", 1)
    port = read_port(listen.rpartition(":")[2])
    if not port:
        return bad_flag(flags, "listen")
    return plan_server("mtlsserver", port=given.host.bind_port(port), credentials=credentials, trust=trust)


def plan_mtls_client(given: Invocation) -> ServerPlan:
    """Return the plan of ``mtlsclient``, which shows a certificate of its own."""
    names = ("fetch-url", "client-cred-bundle", "server-trust-bundle")
    url, credentials, trust = (given.flags.get(each, "") for each in names)
    if not url or not credentials or not trust:
        return plan_refusal("Error: missing required flags", 1)
    return plan_server("mtlsclient", url=url, credentials=credentials, trust=trust)
