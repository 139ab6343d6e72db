"""Tables of image names, programs and built-in arguments."""

import pytest

from kubelet.images.builtins import plan_builtin
from kubelet.images.catalog import (
    BUILTIN_IMAGES,
    ImageSpec,
    Program,
    find_image,
    parse_reference,
    program_for,
    unknown_image_text,
)
from kubelet.images.goflags import read_flags
from kubelet.images.serverhost import ServerHost

CATALOG = {
    "web": ImageSpec(("any",)),
    "web:1.2": ImageSpec(("tagged",)),
    "team/web": ImageSpec(("longer",)),
    "nginx:special": ImageSpec(("mine",)),
}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", ("nginx", "", "")),
        ("docker.io/library/nginx:1.27", ("nginx", "1.27", "")),
        ("docker.io/hashicorp/http-echo", ("hashicorp/http-echo", "", "")),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "", "")),
        ("localhost:5000/a/b:v1@sha256:00", ("localhost:5000/a/b", "v1", "sha256:00")),
    ],
)
def test_references(image: str, expected: tuple[str, str, str]) -> None:
    assert parse_reference(image) == expected


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("web", "any"),
        ("web:9", "any"),
        ("web:1.2", "tagged"),
        ("docker.io/library/web:1.2", "tagged"),
        ("team/web", "longer"),
        ("registry.example/team/web:3", "longer"),
        ("registry.example/other/web", "any"),
        ("nginx:special", "mine"),
    ],
)
def test_the_most_specific_entry_wins(image: str, command: str) -> None:
    found = find_image(image, CATALOG)
    assert found is not None
    assert found.command == (command,)


@pytest.mark.parametrize(
    ("image", "builtin"),
    [
        ("nginx:1.27-alpine", "nginx"),
        ("httpd", "httpd"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.39", "agnhost"),
        ("hashicorp/http-echo:1.0", "http-echo"),
        ("registry.k8s.io/pause:3.9", "pause"),
    ],
)
def test_built_in_images_are_known(image: str, builtin: str) -> None:
    found = find_image(image, CATALOG)
    assert found is not None
    assert found.builtin == builtin


@pytest.mark.parametrize("image", ["redis", "mynginx", "nginxinc/nginx-unprivileged"])
def test_what_only_looks_alike_is_unknown(image: str) -> None:
    assert find_image(image, CATALOG) is None


NGINX, AGNHOST, BUSYBOX = BUILTIN_IMAGES["nginx"], BUILTIN_IMAGES["agnhost"], BUILTIN_IMAGES["busybox"]
OWN = ImageSpec(("run", "-x"), ("default",))


@pytest.mark.parametrize(
    ("spec", "command", "args", "expected"),
    [
        pytest.param(None, (), (), None, id="unknown without a command"),
        pytest.param(None, (), ("a",), None, id="args alone do not say what to run"),
        pytest.param(None, ("a",), ("b",), ("", ("a", "b")), id="a command needs no image"),
        pytest.param(OWN, (), (), ("", ("run", "-x", "default")), id="entry point and default arguments"),
        pytest.param(OWN, (), ("b",), ("", ("run", "-x", "b")), id="args replace only the default arguments"),
        pytest.param(OWN, ("a",), (), ("", ("a",)), id="a command replaces both"),
        pytest.param(NGINX, (), (), ("nginx", ()), id="built-in"),
        pytest.param(NGINX, (), ("nginx", "-g", "daemon off;"), ("nginx", ()), id="nginx by its own name"),
        pytest.param(NGINX, ("/docker-entrypoint.sh",), (), ("nginx", ()), id="nginx by its entry point"),
        pytest.param(NGINX, (), ("sleep", "1"), ("", ("sleep", "1")), id="another command of nginx's image"),
        pytest.param(NGINX, ("sleep", "1"), (), ("", ("sleep", "1")), id="a command in place of nginx"),
        pytest.param(AGNHOST, (), ("netexec",), ("agnhost", ("netexec",)), id="agnhost's command"),
        pytest.param(AGNHOST, ("/agnhost", "netexec"), (), ("agnhost", ("netexec",)), id="agnhost by its path"),
        pytest.param(AGNHOST, (), (), ("agnhost", ("pause",)), id="agnhost pauses by default"),
        pytest.param(BUSYBOX, (), (), ("", ("sh",)), id="busybox is a shell"),
        pytest.param(BUSYBOX, (), ("wget", "web"), ("", ("wget", "web")), id="or what its arguments name"),
    ],
)
def test_command_and_args_replace_the_images_own(
    spec: ImageSpec | None,
    command: tuple[str, ...],
    args: tuple[str, ...],
    expected: tuple[str, tuple[str, ...]] | None,
) -> None:
    program = program_for(spec, command, args)
    assert (program and _short(program)) == expected


def _short(program: Program) -> tuple[str, tuple[str, ...]]:
    return program.builtin, program.arguments


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
        ("agnhost", ["netexec", "--foo"], "refuse", [], []),
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
def test_plans(name: str, arguments: list[str], server: str, tcp: list[int], udp: list[int]) -> None:
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
    ("image", "near"),
    [
        ("ngnix", "; did you mean nginx? say"),
        ("docker.io/library/ngnix:1.27", "; did you mean nginx? say"),
        ("Nginx", "; did you mean nginx? say"),
        ("busybx", "; did you mean busybox? say"),
        ("example.com/agnhst:2", "; did you mean agnhost? say"),
        ("http-echoo", "; did you mean hashicorp/http-echo? say"),
        ("team/wbe", "; say"),
        ("team/webb", "; did you mean team/web? say"),
        ("redis", "; say"),
    ],
)
def test_of_an_unknown_image_the_near_name_is_said_and_an_entry_that_the_configuration_takes(
    image: str, near: str
) -> None:
    text = unknown_image_text(image, {"team/web": ImageSpec(("any",))})
    name = parse_reference(image).name
    assert text == (
        f"kubesvc runs processes and pulls no images{near} what {name} runs with "
        f"`images: [{{name: {name}, command: [...]}}]` in the cluster configuration, or give the container a `command`"
    )
