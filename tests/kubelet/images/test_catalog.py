"""Tables of image names and of the programs that run for them."""

import pytest

from kubelet.images.catalog import (
    BUILTIN_IMAGES,
    ImageSpec,
    Program,
    find_image,
    parse_reference,
    program_for,
    unknown_image_text,
)

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
def test_a_reference_is_split_into_name_tag_and_digest(image: str, expected: tuple[str, str, str]) -> None:
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
        ("kubesvc/backend:latest", "backend"),
    ],
)
def test_built_in_images_are_known(image: str, builtin: str) -> None:
    found = find_image(image, CATALOG)
    assert found is not None
    assert found.builtin == builtin


@pytest.mark.parametrize("image", ["redis", "mynginx", "nginxinc/nginx-unprivileged"])
def test_an_image_with_only_a_similar_name_is_unknown(image: str) -> None:
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
        pytest.param(NGINX, (), ("nginx", "-g", "x;"), ("nginx", ("-g", "x;")), id="nginx by its own name"),
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
def test_the_text_about_an_unknown_image_has_a_similar_name_and_a_valid_entry(image: str, near: str) -> None:
    text = unknown_image_text(image, {"team/web": ImageSpec(("any",))})
    name = parse_reference(image).name
    assert text == (
        f"kubesvc runs processes and pulls no images{near} what {name} runs with "
        f"`images: [{{name: {name}, command: [...]}}]` in the cluster configuration, or give the container a `command`"
    )


def test_an_image_of_a_program_that_is_not_installed_says_what_to_install() -> None:
    text = unknown_image_text("registry.k8s.io/etcd:3.6.5-0", {})
    assert "registry.k8s.io/etcd is this machine's etcd" in text
    assert "install it" in text


def test_the_image_of_the_tutorial_on_https_is_nginx() -> None:
    assert find_image("bprashanth/nginxhttps:1.0", {}) is find_image("nginx", {})
