"""Images of small servers that tutorials show Services with, as server plans: each answers with what it sees. Pure.

Their programs are google-samples/hello-app and node-hello, registry.k8s.io/echoserver, kicbase/echo-server (an early
jmalloc/echo-server), registry.k8s.io/hpa-example, traefik/whoami and nginxdemos/hello.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelet.images.goflags import read_flags, read_port
from kubelet.images.serverhost import ServerHost
from kubelet.spec.server import ServerPlan, plan_refusal, plan_server

DEMOS = (
    *("echo-server", "echoserver", "hello-app", "hpa-example"),
    *("nginx-hello", "nginx-hello-text", "node-hello", "whoami"),
)
"""The built-ins that are planned here."""
_FIXED = {"echoserver": 8080, "hpa-example": 80, "node-hello": 8080, "nginx-hello": 80, "nginx-hello-text": 80}
"""The ports of those that take none from their environment."""


def plan_demo(name: str, arguments: Sequence[str], host: ServerHost, environment: Mapping[str, str]) -> ServerPlan:
    """Return the plan of one of DEMOS; that of hello-app has the version that it tells as its argument."""
    if name == "whoami":
        return _whoami(arguments, host, environment)
    text = str(_FIXED.get(name, "")) or environment.get("PORT") or "8080"
    port = read_port(text)
    if not port:
        return plan_refusal(f"listen tcp: address :{text}: invalid port", 1)
    version = next(iter(arguments), "1.0.0")
    address = environment.get("POD_IP", "")
    return plan_server(name, [host.bind_port(port)], address=address, port=port, version=version)


def _whoami(arguments: Sequence[str], host: ServerHost, environment: Mapping[str, str]) -> ServerPlan:
    flags, unknown = read_flags(arguments)
    wrong = sorted(flags.keys() - {"port", "name", "verbose"})
    if unknown or wrong:
        return plan_refusal(f"flag provided but not defined: -{wrong[0] if wrong else unknown}", 2)
    text = flags.get("port") or environment.get("WHOAMI_PORT_NUMBER") or "80"
    port = read_port(text)
    if not port:
        return plan_refusal(f"listen tcp: lookup tcp/{text}: unknown port", 1)
    name = flags.get("name", environment.get("WHOAMI_NAME", ""))
    return plan_server("whoami", [host.bind_port(port)], addresses=_addresses(environment), name=name)


def _addresses(environment: Mapping[str, str]) -> list[str]:
    """Return the addresses of the pod, that of its loopback first."""
    own = environment.get("POD_IPS", "").split(",")
    loopback = ["127.0.0.1", *(["::1"] if any(":" in each for each in own) else [])]
    return [*loopback, *filter(None, own)]
