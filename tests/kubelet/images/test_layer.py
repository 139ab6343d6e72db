"""What a container in a sandbox runs and has at paths of its own, for the built-in images."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.images.builtins import image_layer, plan_builtin
from kubelet.images.catalog import BUILTIN_IMAGES, find_image
from kubelet.images.layer import LayerPart
from kubelet.images.serverhost import ServerHost
from kubelet.runtime.imagelayer import write_layer
from kubelet.servers.nginx import fill_template
from kubelet.spec.sandbox import Mount
from kubelet.tools.scripts import image_programs

TOOLS = {"python": "/opt/python", "sources": "/opt/src"}
IPERF = "/usr/local/bin/iperf"
SANDBOX = ServerHost(int, is_sandboxed=True)
WITH_NGINX = SANDBOX._replace(nginx="/usr/sbin/nginx")


@pytest.mark.parametrize(
    ("name", "host", "server", "tcp"),
    [
        ("nginx", WITH_NGINX, "nginx-image", [80]),
        ("nginx", SANDBOX, "files", [80]),
        ("httpd", SANDBOX, "files", [80]),
        ("nginx", WITH_NGINX._replace(served=("/usr/share/nginx/html",)), "nginx-image", [80]),
        ("nginx", WITH_NGINX._replace(served=("/etc/nginx",)), "nginx-image", []),
        ("nginx", WITH_NGINX._replace(served=("/etc/nginx/conf.d",)), "nginx-image", []),
        ("nginx", WITH_NGINX._replace(served=("/etc/nginx/conf.d/default.conf",)), "nginx-image", []),
        ("nginx", WITH_NGINX._replace(served=("/etc/nginx/nginx.conf",)), "nginx-image", []),
    ],
)
def test_servers_bind_the_images_own_port_unless_their_configuration_is_replaced(
    name: str, host: ServerHost, server: str, tcp: list[int]
) -> None:
    plan = plan_builtin(name, (), host)
    assert (plan.server, list(plan.tcp)) == (server, tcp)


@pytest.mark.parametrize(
    ("arguments", "argv"),
    [((), ["nginx", "-g", "daemon off;"]), (("-T",), ["nginx", "-T"])],
)
def test_nginx_gets_the_containers_arguments(arguments: tuple[str, ...], argv: list[str]) -> None:
    assert plan_builtin("nginx", arguments, WITH_NGINX).options["argv"] == argv


@pytest.mark.parametrize(
    ("name", "host", "targets"),
    [
        ("nginx", SANDBOX, {"/usr/share/nginx/html"}),
        ("httpd", SANDBOX, {"/usr/local/apache2/htdocs"}),
        ("agnhost", SANDBOX, {"/agnhost", "/agnhost-2", "/localhost.crt", "/localhost.key", IPERF}),
        ("registry.k8s.io/pause", SANDBOX, set()),
        ("busybox", SANDBOX, set()),
        ("debian", SANDBOX, set()),
    ],
)
def test_images_bring_the_files_that_are_expected_of_them(name: str, host: ServerHost, targets: set[str]) -> None:
    assert {each.target for each in image_layer(BUILTIN_IMAGES[name], host, TOOLS | {"nc": "/bin/nc"})} == targets


@pytest.mark.parametrize(("address", "listen"), [("", "80"), ("127.168.0.101", "127.168.0.101:80")])
def test_the_default_site_listens_on_all_addresses_or_on_the_nodes(address: str, listen: str) -> None:
    parts = {
        each.target: each for each in image_layer(BUILTIN_IMAGES["nginx"], WITH_NGINX._replace(address=address), {})
    }
    files = parts["/etc/nginx/conf.d"].files
    assert files is not None
    assert f"listen       {listen};" in files["default.conf"]


def test_a_layer_is_written_anew_for_each_start(tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0\n")
    parts = (
        LayerPart("/page", {"index.html": "hi"}, {"log": "/dev/stdout"}),
        LayerPart("/tool", content="#!/bin/sh\n", is_executable=True),
        LayerPart(str(passwd), content="nginx:x:0:0\n", is_added=True),
    )
    folder = tmp_path / "layer"
    write_layer(folder, parts)
    (folder / "0" / "index.html").write_text("changed in the container")
    (folder / "0" / "more").touch()
    mounts = write_layer(folder, parts)
    assert mounts == tuple(Mount(each.target, str(folder / str(number))) for number, each in enumerate(parts))
    assert sorted(each.name for each in (folder / "0").iterdir()) == ["index.html", "log"]
    assert (folder / "0" / "index.html").read_text() == "hi"
    assert str((folder / "0" / "log").readlink()) == "/dev/stdout"
    assert (folder / "1").stat().st_mode & 0o777 == 0o755
    assert (folder / "2").read_text() == "root:x:0:0\nnginx:x:0:0\n"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("listen ${PORT};", "listen 8080;"),
        ("listen $PORT;", "listen 8080;"),
        ("$host ${uri} $PORTS", "$host ${uri} $PORTS"),
        ("", ""),
    ],
)
def test_templates_are_filled_in_with_variables_that_exist(text: str, filled: str) -> None:
    assert fill_template(text, {"PORT": "8080"}) == filled


def test_agnhost_in_a_sandbox_is_a_script_that_runs_it_with_its_arguments() -> None:
    scripts = image_programs("agnhost", {"python": "/opt/a b/python", "sources": "/opt/src", "nc": "/bin/nc"})
    expected = "exec env PYTHONPATH=/opt/src '/opt/a b/python' -S -s -m kubelet.servers sandbox \"$@\""
    assert {path: text.splitlines() for path, text in scripts.items() if path != IPERF} == {
        path: ["#!/bin/sh", expected] for path in ("/agnhost", "/agnhost-2")
    }
    assert scripts[IPERF].endswith(' -m kubelet.servers.iperf "$@"\n')


@pytest.mark.parametrize("family", ["agnhost", "busybox"])
def test_images_that_have_nc_bring_our_own_where_the_machine_has_none(family: str) -> None:
    assert image_programs(family, TOOLS)["/usr/bin/nc"].endswith(' /opt/python -S -s -m kubelet.servers.netcat "$@"\n')


@pytest.mark.parametrize(
    ("found", "runs"),
    [
        ({"coredns": "/opt/coredns"}, 'exec /opt/coredns "$@"'),
        ({"nameserver": "my.server"}, 'exec env PYTHONPATH=/opt/src /opt/python -m my.server "$@"'),
    ],
)
def test_the_name_server_of_agnhost_is_the_machine_s_or_our_own(found: dict[str, str], runs: str) -> None:
    assert image_programs("agnhost", TOOLS | found)["/coredns"].splitlines()[1] == runs


@pytest.mark.parametrize(
    ("image", "shells"),
    [("busybox", ["/opt/busybox"]), ("alpine", ["/opt/busybox"]), ("nicolaka/netshoot", []), ("debian", [])],
)
def test_an_installed_busybox_is_the_shell_of_images_that_have_nothing_else(image: str, shells: list[str]) -> None:
    layer = image_layer(BUILTIN_IMAGES[image], SANDBOX, TOOLS | {"busybox": "/opt/busybox"})
    assert [each.machine for each in layer if each.target == "/bin/sh"] == shells


@pytest.mark.parametrize(
    ("image", "program", "target"),
    [
        ("registry.k8s.io/etcd:3.7.0-0", "etcd", "/usr/local/bin/etcd"),
        ("registry.k8s.io/e2e-test-images/sample-apiserver:1.29.2", "sample-apiserver", "/sample-apiserver"),
    ],
)
def test_a_program_that_is_installed_is_at_the_path_that_it_has_in_its_image(
    image: str, program: str, target: str
) -> None:
    found = find_image(image, {})
    assert found is not None
    assert found.command == (program,)
    assert image_layer(found, SANDBOX, TOOLS | {program: "/opt/it"}) == (LayerPart(target, machine="/opt/it"),)
    assert image_layer(found, SANDBOX, TOOLS) == ()


def test_a_file_of_the_machine_is_mounted_where_an_image_has_it(tmp_path: Path) -> None:
    mounts = write_layer(tmp_path / "layer", (LayerPart("/bin/sh", machine="/opt/busybox"), LayerPart("/b", {})))
    assert mounts == (
        Mount("/bin/sh", "/opt/busybox", is_read_only=True),
        Mount("/b", str(tmp_path / "layer" / "1")),
    )
