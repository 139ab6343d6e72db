"""Tables of variables: expansion, Service variables, env and envFrom."""

from base64 import b64encode
from typing import Any

import pytest

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service, read_service
from kubelet.pod.environment import ConfigError, Sources, container_environment, expand, service_variables
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.spec import read_pod_spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "a"),
        ("x$(A)y$(B)z", "xaybz"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(NO)", "$(NO)"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("${A}", "${A}"),
        ("a$", "a$"),
        ("$", "$"),
        ("$$", "$"),
        ("$()", "$()"),
        ("$(A)$(NO)$(B)", "a$(NO)b"),
        ("$($(A))", "$($(A))"),
        ("", ""),
    ],
)
def test_expansion_is_that_of_kubernetes(text: str, expected: str) -> None:
    assert expand(text, {"A": "a", "B": "b"}.get) == expected


def service(name: str, address: str, *ports: JSON, namespace: str = "default") -> Service:
    return read_service(
        {
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"clusterIP": address, "clusterIPs": [address] if address else [], "ports": list(ports)},
        }
    )


KUBERNETES = service("kubernetes", "10.96.0.1", {"name": "https", "port": 443})
NGINX = service("nginx-svc", "10.96.7.8", {"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"})


def pod(container: dict[str, Any] | None = None, namespace: str = "default", **spec: Any) -> JSON:
    metadata = {
        "namespace": namespace,
        "name": "web-1",
        "uid": "u-1",
        "labels": {"app": "web"},
        "annotations": {"a/b": "c"},
    }
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i", **(container or {})}], **spec},
    }


def test_service_variables_are_those_of_the_documentation() -> None:
    variables = service_variables([NGINX], read_pod_spec(pod()))
    assert variables == {
        "NGINX_SVC_SERVICE_HOST": "10.96.7.8",
        "NGINX_SVC_SERVICE_PORT": "80",
        "NGINX_SVC_SERVICE_PORT_HTTP": "80",
        "NGINX_SVC_SERVICE_PORT_DNS": "53",
        "NGINX_SVC_PORT": "tcp://10.96.7.8:80",
        "NGINX_SVC_PORT_80_TCP": "tcp://10.96.7.8:80",
        "NGINX_SVC_PORT_80_TCP_PROTO": "tcp",
        "NGINX_SVC_PORT_80_TCP_PORT": "80",
        "NGINX_SVC_PORT_80_TCP_ADDR": "10.96.7.8",
        "NGINX_SVC_PORT_53_UDP": "udp://10.96.7.8:53",
        "NGINX_SVC_PORT_53_UDP_PROTO": "udp",
        "NGINX_SVC_PORT_53_UDP_PORT": "53",
        "NGINX_SVC_PORT_53_UDP_ADDR": "10.96.7.8",
    }


@pytest.mark.parametrize(
    ("namespace", "links", "expected"),
    [
        ("default", True, {"KUBERNETES_SERVICE_HOST", "NGINX_SVC_SERVICE_HOST"}),
        ("default", False, {"KUBERNETES_SERVICE_HOST"}),
        ("other", True, {"KUBERNETES_SERVICE_HOST"}),
        ("other", False, {"KUBERNETES_SERVICE_HOST"}),
    ],
)
def test_a_pod_gets_the_services_of_its_namespace_and_kubernetes(
    namespace: str, links: bool, expected: set[str]
) -> None:
    headless = service("headless", "None", {"port": 80})
    external = service("external", "")
    spec = read_pod_spec(pod(namespace=namespace, enableServiceLinks=links))
    variables = service_variables([KUBERNETES, NGINX, headless, external], spec)
    assert {each for each in variables if each.endswith("_SERVICE_HOST")} == expected


def test_a_dual_stack_pod_is_told_all_its_addresses() -> None:
    fields = {"P": "status.podIP", "PS": "status.podIPs", "H": "status.hostIP", "HS": "status.hostIPs"}
    spec = read_pod_spec(
        pod({"env": [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]})
    )
    place = PodPlace(("10.1.0.2", "fd00:1::2"), ("10.0.0.1", "::1"), 0.0)
    found = container_environment(Sources(spec, place, {}, []), spec.containers[0], {})
    assert found == {"P": "10.1.0.2", "PS": "10.1.0.2,fd00:1::2", "H": "10.0.0.1", "HS": "10.0.0.1,::1"}


def environment(container: dict[str, Any], **maps: dict[str, str]) -> dict[str, str]:
    """Return a container's variables where there are these ConfigMaps, and Secrets of the same names and values."""
    spec = read_pod_spec(pod(container))
    objects: dict[str, dict[ObjectKey, JSON]] = {
        "ConfigMap": {ObjectKey("default", name): {"data": entries} for name, entries in maps.items()},
        "Secret": {
            ObjectKey("default", name): {"data": {key: _encode(value) for key, value in entries.items()}}
            for name, entries in maps.items()
        },
    }
    sources = Sources(spec, PodPlace(("10.1.0.2",), ("10.0.0.1",), 0.0), objects, [NGINX], read_file=_read_file)
    return container_environment(sources, spec.containers[0], {"PATH": "/bin", "POD_IP": "10.1.0.2"})


def _read_file(volume: str, path: str) -> str:
    if (volume, path) != ("v", "env"):
        raise FileNotFoundError(path)
    return "K='of a file'\n"


def _encode(value: str) -> str:
    return b64encode(value.encode(errors="surrogateescape")).decode()


def variable(**source: Any) -> dict[str, Any]:
    return {"env": [{"name": "X", "valueFrom": source}]}


def in_file(key: str, **reference: Any) -> dict[str, Any]:
    return variable(fileKeyRef={"volumeName": "v", "path": "env", "key": key, **reference})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['a/b']", "c"),
        ("metadata.labels['none']", ""),
        ("spec.nodeName", "n"),
        ("spec.serviceAccountName", "default"),
        ("status.podIP", "10.1.0.2"),
        ("status.podIPs", "10.1.0.2"),
        ("status.hostIP", "10.0.0.1"),
    ],
)
def test_a_variable_has_the_field_of_the_pod_that_it_refers_to(path: str, expected: str) -> None:
    assert environment(variable(fieldRef={"fieldPath": path}))["X"] == expected


def test_a_value_may_speak_of_earlier_variables_and_of_services() -> None:
    given = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)-$(NGINX_SVC_SERVICE_HOST)-$(POD_IP)-$(LATER)"},
        {"name": "LATER", "value": "x"},
    ]
    assert environment({"env": given})["B"] == "1-10.96.7.8-10.1.0.2-$(LATER)"


def test_the_container_wins_over_services_and_env_from() -> None:
    container = {
        "env": [{"name": "NGINX_SVC_SERVICE_HOST", "value": "mine"}, {"name": "K", "value": "env"}],
        "envFrom": [{"configMapRef": {"name": "m"}}],
    }
    found = environment(container, m={"K": "map", "L": "map"})
    assert (found["NGINX_SVC_SERVICE_HOST"], found["K"], found["L"]) == ("mine", "env", "map")


@pytest.mark.parametrize("reference", ["configMapRef", "secretRef"])
@pytest.mark.parametrize("prefix", ["", "P_", "1-", "$_-"])
def test_env_from_takes_every_key_with_its_prefix(reference: str, prefix: str) -> None:
    found = environment({"envFrom": [{"prefix": prefix, reference: {"name": "m"}}]}, m={"K": "v", "1-a.b": "w"})
    assert (found[f"{prefix}K"], found[f"{prefix}1-a.b"]) == ("v", "w")


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (variable(configMapKeyRef={"name": "no", "key": "k"}), 'configmap "no" not found'),
        (variable(configMapKeyRef={"name": "m", "key": "no"}), "couldn't find key no in ConfigMap default/m"),
        ({"envFrom": [{"configMapRef": {"name": "no"}}]}, 'configmap "no" not found'),
        (in_file("K", path="no"), "couldn't parse env file: no"),
        (in_file("no"), 'environment variable key "no" not found in file "env"'),
        (variable(secretKeyRef={"name": "s", "key": "k"}), 'secret "s" not found$'),
        (variable(secretKeyRef={"name": "m", "key": "no"}), "couldn't find key no in Secret default/m"),
        ({"envFrom": [{"secretRef": {"name": "s"}}]}, 'secret "s" not found$'),
        (variable(fieldRef={"fieldPath": "spec.foo"}), "unsupported fieldPath: spec.foo"),
    ],
)
def test_a_missing_object_or_key_is_a_config_error(container: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        environment(container, m={"k": "v"})


@pytest.mark.parametrize(
    "container",
    [
        variable(configMapKeyRef={"name": "no", "key": "k", "optional": True}),
        variable(configMapKeyRef={"name": "m", "key": "no", "optional": True}),
        {"envFrom": [{"configMapRef": {"name": "no", "optional": True}}]},
        variable(secretKeyRef={"name": "s", "key": "k", "optional": True}),
        variable(secretKeyRef={"name": "m", "key": "no", "optional": True}),
        {"envFrom": [{"secretRef": {"name": "s", "optional": True}}]},
    ],
)
def test_an_optional_reference_may_be_missing(container: dict[str, Any]) -> None:
    assert "X" not in environment(container, m={"k": "v"})


def test_a_variable_can_come_from_a_file_of_a_volume() -> None:
    assert environment(in_file("K"))["X"] == "of a file"


@pytest.mark.parametrize("value", ["plain", "two\nlines", "\u00e4", "\udcff\udcfe is no UTF-8"])
def test_a_value_of_a_secret_is_decoded_byte_for_byte(value: str) -> None:
    found = environment(variable(secretKeyRef={"name": "m", "key": "k"}), m={"k": value})
    assert found["X"].encode(errors="surrogateescape") == value.encode(errors="surrogateescape")


def test_a_cluster_without_secrets_finds_none() -> None:
    spec = read_pod_spec(pod(variable(secretKeyRef={"name": "s", "key": "k"})))
    sources = Sources(spec, PodPlace(("10.1.0.2",), ("10.0.0.1",), 0.0), {}, [])
    with pytest.raises(ConfigError, match='secret "s" not found'):
        container_environment(sources, spec.containers[0], {})


def test_a_variable_can_be_a_resource_of_its_container() -> None:
    memory = {"resource": "requests.memory", "divisor": "1Mi"}
    found = environment(
        {
            "resources": {"limits": {"cpu": "1500m"}, "requests": {"memory": "3Mi"}},
            "env": [
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {
                    "name": "MEMORY",
                    "valueFrom": {"resourceFieldRef": memory},
                },
            ],
        }
    )
    assert (found["CPU"], found["MEMORY"]) == ("2", "3")
