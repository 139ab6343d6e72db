"""Tables of command lines and the plans of the servers that they ask for."""

import pytest

from kubelet.images.builtins import plan_builtin
from kubelet.images.goflags import read_flags
from kubelet.images.serverhost import ServerHost


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-a=1", "--b", "2", "-c"], ({"a": "1", "b": "2", "c": "true"}, "")),
        (["--port", "-1"], ({"port": "-1"}, "")),
        (["-a", "--b=x=y"], ({"a": "true", "b": "x=y"}, "")),
        (["word"], ({}, "word")),
    ],
)
def test_flags_are_read_as_go_reads_them(arguments: list[str], expected: tuple[dict[str, str], str]) -> None:
    assert read_flags(arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "server", "tcp", "udp"),
    [
        ("nginx", [], "page", [10080], []),
        ("httpd", [], "page", [10080], []),
        ("backend", [], "backend", [8080], []),
        ("backend", ["exponential(20ms)"], "backend", [8080], []),
        ("backend", ["soon"], "refuse", [], []),
        ("agnhost", ["netexec"], "netexec", [8080], [8081]),
        ("agnhost", ["netexec", "--http-port=80", "--udp-port", "-1"], "netexec", [10080], []),
        ("agnhost", ["serve-hostname"], "serve-hostname", [9376], []),
        ("agnhost", ["serve-hostname", "--port=99", "--udp", "--http=false"], "serve-hostname", [], [10099]),
        ("agnhost", ["serve-hostname", "--http=false", "--tcp", "--udp"], "serve-hostname", [9376], [9376]),
        ("agnhost", ["serve-hostname", "--tcp"], "refuse", [], []),
        ("agnhost", ["serve-hostname", "--nope"], "refuse", [], []),
        ("agnhost", ["netexec", "--delay-shutdown", "9", "--http-override=/echo"], "netexec", [8080], [8081]),
        ("agnhost", ["netexec", "--delay-shutdown=soon"], "refuse", [], []),
        ("agnhost", ["connect", "--timeout=3s", "web:80"], "connect", [], []),
        ("agnhost", ["connect", "web:80", "--timeout", "1m1.5s", "--protocol", "udp"], "connect", [], []),
        ("agnhost", ["connect", "--timeout=x", "web:80"], "refuse", [], []),
        ("agnhost", ["connect", "--protocol=sctp", "web:80"], "refuse", [], []),
        ("agnhost", ["connect"], "refuse", [], []),
        ("agnhost", ["connect", "a:1", "b:2"], "refuse", [], []),
        ("agnhost", ["porter"], "porter", [], []),
        ("agnhost", ["pause", "--delay-shutdown=3"], "pause", [], []),
        ("agnhost", ["pause"], "pause", [], []),
        ("agnhost", ["dns-server"], "refuse", [], []),
        ("agnhost", ["dns-suffix"], "dns-suffix", [], []),
        ("agnhost", ["dns-server-list"], "dns-server-list", [], []),
        ("agnhost", ["etc-hosts"], "etc-hosts", [], []),
        ("agnhost", ["etc-hosts", "--foo"], "refuse", [], []),
        ("agnhost", ["entrypoint-tester", "--any", "thing"], "entrypoint-tester", [], []),
        ("agnhost", ["liveness"], "liveness", [8080], []),
        ("agnhost", ["test-webserver"], "test-webserver", [10080], []),
        ("agnhost", ["test-webserver", "--port=8000"], "test-webserver", [8000], []),
        ("agnhost", ["test-webserver", "--port=x"], "refuse", [], []),
        ("agnhost", ["logs-generator", "-t", "100", "-d=1s"], "logs-generator", [], []),
        ("agnhost", ["logs-generator", "--log-lines-total=9", "--run-duration=1s"], "logs-generator", [], []),
        ("agnhost", ["logs-generator", "-t", "100"], "refuse", [], []),
        ("agnhost", ["logs-generator", "-d", "1s"], "refuse", [], []),
        ("agnhost", ["logs-generator", "-t", "many", "-d", "1s"], "refuse", [], []),
        ("agnhost", ["logs-generator", "-t", "1", "-d", "soon"], "refuse", [], []),
        ("agnhost", ["mounttest", "--file_mode=/a", "--file_content=/a"], "mounttest", [], []),
        ("agnhost", ["mounttest", "--retry_time=x"], "refuse", [], []),
        ("agnhost", ["port-forward-tester"], "refuse", [], []),
        ("agnhost", ["netexec", "--foo"], "refuse", [], []),
        ("agnhost", ["nettest"], "nettest", [8080], []),
        ("agnhost", ["nettest", "--port=80", "--peers=2", "--service=web"], "nettest", [10080], []),
        ("agnhost", ["nettest", "--service="], "refuse", [], []),
        ("agnhost", ["nettest", "--peers=x"], "refuse", [], []),
        ("agnhost", ["net", "--runner", "nat-closewait-client", "--options", "{}"], "net-runner", [], []),
        ("agnhost", ["net", "--serve=:8889"], "net", [8889], []),
        ("agnhost", ["net", "--serve=:x"], "refuse", [], []),
        ("agnhost", ["net"], "refuse", [], []),
        ("agnhost", ["no-snat-test-proxy"], "no-snat-test-proxy", [31235], []),
        ("agnhost", ["no-snat-test-proxy", "--port=80"], "no-snat-test-proxy", [10080], []),
        ("agnhost", ["no-snat-test-proxy", "--port=x"], "refuse", [], []),
        ("agnhost", ["tcp-reset", "--port", "80"], "tcp-reset", [10080], []),
        ("agnhost", ["tcp-reset", "--port", "x"], "refuse", [], []),
        ("out-of-window", [], "out-of-window", [], []),
        ("agnhost", ["netexec", "--http-port=x"], "refuse", [], []),
        ("http-echo", ["-text=hi"], "http-echo", [5678], []),
        ("http-echo", ["-text", "hi", "-listen=:80"], "http-echo", [10080], []),
        ("http-echo", [], "refuse", [], []),
        ("http-echo", ["-text=hi", "-listen=:0x"], "refuse", [], []),
        ("http-echo", ["-text=hi", "-status-code=9"], "refuse", [], []),
        ("http-echo", ["-wrong"], "refuse", [], []),
        ("pause", [], "pause", [], []),
    ],
)
def test_a_built_in_image_has_a_server_and_ports(
    name: str, arguments: list[str], server: str, tcp: list[int], udp: list[int]
) -> None:
    plan = plan_builtin(name, arguments, ServerHost(lambda port: port + 10000 if port < 1024 else port))
    assert (plan.server, list(plan.tcp), list(plan.udp)) == (server, tcp, udp)


def test_the_real_nginx_is_used_where_there_is_one() -> None:
    assert plan_builtin("nginx", [], ServerHost(lambda port: port, "/usr/sbin/nginx")).server == "nginx"


def test_porter_serves_what_its_environment_says() -> None:
    environment = {"SERVE_PORT_80": "a", "SERVE_TCP_PORT_81": "b", "SERVE_UDP_PORT_80": "c", "SERVE_TLS_PORT_443": "d"}
    environment |= {"SERVE_PORT_x": "-", "MY_SERVE_PORT_9": "-", "SERVE_PORT_99999": "-"}
    plan = plan_builtin("agnhost", ["porter"], ServerHost(lambda port: port + 10000), environment)
    assert (plan.tcp, plan.udp, plan.tls) == ([10080, 10081], [10080], [10443])
    assert plan.options["texts"] == {"10080": "a", "10081": "b", "udp/10080": "c", "10443": "d"}


@pytest.mark.parametrize(
    ("environment", "refusal"),
    [
        ({"POD_IP": "10.0.0.1", "NODE_IP": "fd00::1"}, None),
        ({"NODE_IP": "10.0.0.2"}, "POD_IP env var was not present in the environment"),
        ({"POD_IP": "10.0.0.1"}, "NODE_IP env var was not present in the environment"),
        ({"POD_IP": "web", "NODE_IP": "10.0.0.2"}, 'POD_IP env var contained "web", which is not an IP address'),
    ],
)
def test_no_snat_test_takes_addresses_from_the_environment(environment: dict[str, str], refusal: str | None) -> None:
    plan = plan_builtin("agnhost", ["no-snat-test"], ServerHost(lambda port: port), environment)
    assert ([*plan.tcp], plan.options.get("text")) == ([] if refusal else [8080], refusal)
