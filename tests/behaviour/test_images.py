"""The built-in images in sandboxes: their ports, their files, and what users mount over these or change in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import AGNHOST, pod, write
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred
from tests.helpers.objects import build_pod

GROUND = Ground(11)
NGINX_CONF = """\
user  nginx;
worker_processes auto;
pid /var/run/nginx.pid;
events { worker_connections 64; }
http { server { listen 8888; location / { return 200 "whole $hostname\\n"; } } }
"""
FILES = {
    "nginx.conf": NGINX_CONF,
    "default.conf": 'server { listen 80; location / { return 200 "site\\n"; } }\n',
    "x.conf.template": 'server { listen ${AT}; location / { return 200 "$uri for ${WHO}\\n"; } }\n',
    "index.html": "mounted\n",
}
SHARED = {"name": "shared", "mountPath": "/results"}


def nginx(name: str, path: str, key: str, *, is_file: bool = False, **more: Any) -> dict[str, Any]:
    """Return a pod of nginx with one file of the ConfigMap in a folder, or in place of a file."""
    target = {"mountPath": f"{path}/{key}", "subPath": key} if is_file else {"mountPath": path}
    volume = {"name": "files", "configMap": {"name": "files", "items": [{"key": key, "path": key}]}}
    container = {"name": "nginx", "image": "nginx:1.27", "volumeMounts": [{"name": "files", **target}], **more}
    return pod(name, container, volumes=[volume])


PODS = (
    nginx("whole", "/etc/nginx", "nginx.conf", is_file=True),
    nginx("site", "/etc/nginx/conf.d", "default.conf"),
    nginx(
        "template",
        "/etc/nginx/templates",
        "x.conf.template",
        env=[{"name": "AT", "value": "8081"}, {"name": "WHO", "value": "you"}],
    ),
    nginx("page", "/usr/share/nginx/html", "index.html"),
    pod("httpd", {"name": "httpd", "image": "httpd:2.4"}),
    pod("on-node", {"name": "nginx", "image": "nginx"}, hostNetwork=True, nodeName="node-2"),
    pod("tools", {"name": "tools", "image": "busybox", "command": ["sleep", "3600"]}),
    pod("agnhost", {"name": "agnhost", "image": AGNHOST, "args": ["pause"]}),
    build_pod(
        "results",
        {"name": "web", "image": AGNHOST, "args": ["test-webserver"], "volumeMounts": [SHARED]},
        {
            "name": "querier",
            "image": "registry.k8s.io/e2e-test-images/glibc-dns-testing:2.1.1",
            "command": ["sh", "-c", "getent hosts kubernetes && echo OK > /results/found; sleep 3600"],
            "volumeMounts": [SHARED],
        },
        volumes=[{"name": "shared", "emptyDir": {}}],
    ),
    build_pod(
        "entry",
        {"name": "c", "image": AGNHOST, "command": ["/agnhost-2"], "args": ["entrypoint-tester", "a", "b"]},
        restartPolicy="Never",
    ),
)


class Images:
    """The cluster, its kubectl, and where its pods are."""

    def __init__(self, cluster: ClusterCommands, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self._ips = {pod["name"]: pod["podIP"] for pod in cluster.status()["pods"]}

    def run(self, pod: str, command: str) -> str:
        """Return what a command in a pod writes to stdout."""
        return self.kubectl(f"kubectl exec {pod} -- {command}").out

    def get(self, pod: str, port: int, path: str = "/") -> str:
        """Return what a pod answers to the tools' curl."""
        return self.run("tools", f"curl -sS http://{self._ips[pod]}:{port}{path}")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    folder = tmp_path_factory.mktemp("images")
    files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"}, "data": FILES}
    manifests = write(folder / "images.yaml", GROUND.configuration(), files, *PODS)
    with running(ClusterCommands(folder / "state", "images"), "--sandbox", "namespaces", manifests) as cluster:
        found = find_kubectls()
        version = preferred(found)
        yield Images(cluster, Kubectl(version, found[version], folder, kubeconfig_of(cluster), folder))


@pytest.mark.parametrize(
    ("pod", "port", "path", "answer"),
    [
        ("whole", 8888, "/", "whole whole\n"),
        ("site", 80, "/", "site\n"),
        ("template", 8081, "/a", "/a for you\n"),
        ("page", 80, "/", "mounted\n"),
        ("httpd", 80, "/", "<html><body><h1>It works!</h1></body></html>\n"),
    ],
)
def test_images_serve_what_is_mounted_at_their_own_paths(
    images: Images, pod: str, port: int, path: str, answer: str
) -> None:
    assert images.get(pod, port, path) == answer


@pytest.mark.parametrize("pod", ["template", "on-node"])
def test_nginx_serves_its_welcome_page_at_port_80_in_a_pods_network_and_in_the_nodes(images: Images, pod: str) -> None:
    assert "<title>Welcome to nginx!</title>" in images.get(pod, 80)


@pytest.mark.parametrize(
    ("pod", "path"), [("template", "/usr/share/nginx/html"), ("httpd", "/usr/local/apache2/htdocs")]
)
def test_a_page_that_is_changed_in_a_container_is_served_by_that_container_alone(
    images: Images, pod: str, path: str
) -> None:
    images.run(pod, f"sh -c 'echo changed > {path}/more.html'")
    assert images.get(pod, 80, "/more.html") == "changed\n"
    assert not Path(path, "more.html").exists()
    assert "404 Not Found" in images.get("on-node", 80, "/more.html")


def test_nginx_takes_new_configuration_at_a_reload(images: Images) -> None:
    site = "server { listen 9000; location / { return 200 reloaded; } }"
    images.run("template", f"sh -c 'echo \"{site}\" > /etc/nginx/conf.d/y.conf && nginx -t && nginx -s reload'")
    asked = "sh -c 'curl -s localhost:9000 || :'"
    assert eventually(lambda: images.run("template", asked) == "reloaded")


def test_agnhost_is_a_program_at_its_path(images: Images) -> None:
    assert images.run("agnhost", "/agnhost dns-suffix") == "default.svc.cluster.local,svc.cluster.local,cluster.local\n"
    reached = "sh -c '/agnhost connect --timeout=20s kubernetes:443 && echo reached'"
    assert images.run("agnhost", reached) == "reached\n"
    assert images.kubectl("kubectl logs entry").out == "[/agnhost-2 entrypoint-tester a b]\n"


def test_files_that_containers_share_are_served_and_nothing_of_the_machine(images: Images) -> None:
    assert eventually(lambda: images.get("results", 80, "/results/found") == "OK\n")
    assert images.get("results", 80, "/etc/passwd") == "404 page not found\n"


def test_the_machines_own_tools_run_and_what_is_not_installed_is_said(images: Images) -> None:
    assert images.run("tools", "hostname") == "tools\n"
    assert images.run("tools", "sh -c 'command -v curl'").startswith("/")
    missing = images.kubectl("kubectl exec tools -- no-such-tool", status=1).err
    assert 'exec: "no-such-tool": executable file not found in $PATH' in missing
