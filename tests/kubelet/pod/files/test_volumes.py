"""The files of volumes, and where a container has which: tables."""

from base64 import b64encode
from typing import Any

import pytest

from kubeapi.meta import JSON, ObjectKey
from kubeapi.serialization.pem import certificate_block
from kubelet.pod.environment import ConfigError, Sources
from kubelet.pod.files.roots import ContainerFolders, container_root, nested_folders
from kubelet.pod.files.volumes import VolumeError, read_volumes, volume_files
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.spec import read_pod_spec
from kubelet.spec.sandbox import Mount, Root

FOLDERS = ContainerFolders(
    "/v",
    "/e",
    frozenset(("hosts", "hostname", "resolv.conf")),
    "/t",
    "/m",
    programs=("/tmp/x/y", "/opt", "/run/user/1"),
)


def pod(volumes: list[JSON], *mounts: JSON, container: JSON | None = None, **spec: Any) -> JSON:
    main = {"name": "c", "image": "i", "volumeMounts": list(mounts), **(container or {})}
    metadata = {
        "name": "web",
        "namespace": "ns",
        "uid": "u",
        "labels": {"b": "2", "a": 'one "1"'},
        "annotations": {"x/y": "line\nline"},
    }
    return {"metadata": metadata, "spec": {"nodeName": "n", "containers": [main], "volumes": volumes, **spec}}


def bundle(signer: str, content: bytes) -> JSON:
    labels = {"number": content.decode()}
    return {"metadata": {"labels": labels}, "spec": {"signerName": signer, "trustBundle": certificate_block(content)}}


def trusted(**source: Any) -> JSON:
    return {"projected": {"sources": [{"clusterTrustBundle": {"path": "ca", **source}}]}}


def files(source: JSON, resources: JSON | None = None) -> dict[str, tuple[str, int]]:
    """Return the contents and modes of the files of a volume."""
    obj = pod([{"name": "v", **source}], container={"resources": resources or {}})
    objects = {
        "ConfigMap": {ObjectKey("ns", "m"): {"data": {"a": "A", "b": "B"}, "binaryData": {"c": "/w=="}}},
        "Secret": {ObjectKey("ns", "s"): {"data": {"key": b64encode(b"secret").decode()}}},
    }
    bundles = {"one": ("a.b/c", b"2"), "two": ("a.b/c", b"1"), "three": ("", b"3")}
    objects["ClusterTrustBundle"] = {ObjectKey("", name): bundle(*each) for name, each in bundles.items()}
    place = PodPlace(("10.1.0.2",), ("10.0.0.1",), 0.0, {"cpu": "2", "memory": "1Gi"})
    sources = Sources(read_pod_spec(obj), place, objects, [])
    found = volume_files(read_volumes(obj)[0], sources)
    return {path: (each.content.decode("latin-1"), each.mode) for path, each in found.items()}


ALL_OF_M = {"a": ("A", 0o644), "b": ("B", 0o644), "c": ("\xff", 0o644)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({"configMap": {"name": "m"}}, ALL_OF_M, id="a ConfigMap's keys"),
        pytest.param(
            {"configMap": {"name": "m", "defaultMode": 0o400, "items": [{"key": "a", "path": "d/x"}]}},
            {"d/x": ("A", 0o400)},
            id="items and defaultMode",
        ),
        pytest.param(
            {"configMap": {"name": "m", "items": [{"key": "a", "path": "x", "mode": 0o755}]}},
            {"x": ("A", 0o755)},
            id="an item's mode",
        ),
        pytest.param({"configMap": {"name": "no", "optional": True}}, {}, id="an optional object"),
        pytest.param(
            {"configMap": {"name": "m", "optional": True, "items": [{"key": "no", "path": "x"}]}},
            {},
            id="an optional key",
        ),
        pytest.param({"secret": {"secretName": "s"}}, {"key": ("secret", 0o644)}, id="a Secret's keys"),
        pytest.param(
            {
                "projected": {
                    "defaultMode": 0o440,
                    "sources": [
                        {"secret": {"name": "s"}},
                        {"configMap": {"name": "m", "items": [{"key": "a", "path": "key"}]}},
                        {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                        {"serviceAccountToken": {"path": "token"}},
                    ],
                }
            },
            {"key": ("A", 0o440), "n": ("web", 0o440), "token": ("", 0o440)},
            id="a projection, the later source first",
        ),
    ],
)
def test_files_of_a_volume(source: JSON, expected: dict[str, tuple[str, int]]) -> None:
    assert files(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (trusted(name="three"), [b"3"]),
        (trusted(name="no", optional=True), []),
        (trusted(signerName="a.b/c", labelSelector={}), [b"1", b"2"]),
        (trusted(signerName="a.b/c", labelSelector={"matchLabels": {"number": "2"}}), [b"2"]),
        (trusted(signerName="a.b/c", optional=True), []),
    ],
)
def test_certificates_of_chosen_bundles(source: JSON, expected: list[bytes]) -> None:
    assert files(source) == {"ca": ("".join(map(certificate_block, expected)), 0o644)}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"fieldRef": {"fieldPath": "metadata.labels"}}, 'a="one \\"1\\""\nb="2"'),
        ({"fieldRef": {"fieldPath": "metadata.annotations"}}, 'x/y="line\\nline"'),
        ({"fieldRef": {"fieldPath": "metadata.labels['b']"}}, "2"),
        ({"fieldRef": {"fieldPath": "metadata.namespace"}}, "ns"),
        ({"resourceFieldRef": {"containerName": "c", "resource": "limits.cpu"}}, "1"),
        ({"resourceFieldRef": {"containerName": "c", "resource": "limits.cpu", "divisor": "1m"}}, "500"),
        ({"resourceFieldRef": {"containerName": "c", "resource": "requests.memory"}}, str(64 << 20)),
        ({"resourceFieldRef": {"containerName": "c", "resource": "requests.memory", "divisor": "1Mi"}}, "64"),
        ({"resourceFieldRef": {"containerName": "c", "resource": "limits.memory", "divisor": "1Mi"}}, "1024"),
        ({"resourceFieldRef": {"containerName": "c", "resource": "requests.cpu"}}, "0"),
    ],
)
def test_a_file_of_the_downward_api(item: JSON, expected: str) -> None:
    resources = {"limits": {"cpu": "500m"}, "requests": {"memory": "64Mi"}}
    found = files({"downwardAPI": {"items": [{"path": "file", **item}]}}, resources)
    assert found == {"file": (expected, 0o644)}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        (trusted(name="no"), 'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "no" not found'),
        (trusted(signerName="a.b/c"), "combination of signerName and labelSelector matched zero ClusterTrustBundles"),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        (
            {"configMap": {"name": "m", "items": [{"key": "no", "path": "x"}]}},
            "configmap references non-existent config key: no",
        ),
        (
            {"secret": {"secretName": "s", "items": [{"key": "no", "path": "x"}]}},
            "references non-existent secret key: no",
        ),
        (
            {"projected": {"sources": [{"secret": {"name": "no"}}, {"configMap": {"name": "none"}}]}},
            '[secret "no" not found, configmap "none" not found]',
        ),
        (
            {
                "downwardAPI": {
                    "items": [{"path": "x", "resourceFieldRef": {"containerName": "z", "resource": "limits.cpu"}}]
                }
            },
            "container z not found",
        ),
    ],
)
def test_what_is_missing_is_said_in_the_kubelets_words(source: JSON, text: str) -> None:
    with pytest.raises(VolumeError) as raised:
        files(source)
    assert str(raised.value) == text


def root(obj: JSON, environment: dict[str, str] | None = None) -> Root:
    spec = read_pod_spec(obj)
    return container_root(spec, spec.containers[0], read_volumes(obj), FOLDERS, environment or {})


OWN = [
    Mount("/tmp", "/t"),
    Mount("/run"),
    Mount("/tmp/x", "/tmp/x"),
    Mount("/run/user", "/run/user"),
    Mount("/etc/resolv.conf", "/e/resolv.conf"),
    Mount("/etc/hosts", "/e/hosts"),
    Mount("/etc/hostname", "/e/hostname"),
    Mount("/dev/termination-log", "/m"),
]


def test_a_container_has_folders_names_and_a_message_of_its_own() -> None:
    assert list(root(pod([])).mounts) == OWN


@pytest.mark.parametrize(
    ("volume", "mount", "expected"),
    [
        ({"emptyDir": {}}, {}, Mount("/data", "/v/v")),
        ({"emptyDir": {}}, {"readOnly": True}, Mount("/data", "/v/v", True)),
        ({"configMap": {"name": "m"}}, {}, Mount("/data", "/v/v", True)),
        ({"hostPath": {"path": "/srv"}}, {}, Mount("/data", "/srv")),
        ({"emptyDir": {}}, {"subPath": "a/b"}, Mount("/data", "/v/v", sub_path="a/b")),
        ({"emptyDir": {}}, {"subPathExpr": "p-$(POD)"}, Mount("/data", "/v/v", sub_path="p-web")),
        (
            {"emptyDir": {}},
            {"readOnly": True, "recursiveReadOnly": "IfPossible"},
            Mount("/data", "/v/v", True, is_recursive_read_only=True),
        ),
        ({"persistentVolumeClaim": {"claimName": "x"}}, {}, Mount("/data", "/v/v")),
    ],
)
def test_a_mount_of_a_volume(volume: JSON, mount: JSON, expected: Mount) -> None:
    obj = pod([{"name": "v", **volume}], {"name": "v", "mountPath": "/data", **mount})
    assert [each for each in root(obj, {"POD": "web"}).mounts if each not in OWN] == [expected]


def test_mounts_are_made_from_the_top_down_and_take_the_place_of_a_containers_own() -> None:
    paths = ("/a/b/c", "/a", "/tmp", "/etc/hosts", "/a/b")
    mounts = root(pod([{"name": "v", "emptyDir": {}}], *({"name": "v", "mountPath": each} for each in paths))).mounts
    places = [each.target for each in mounts if each.source == "/v/v"]
    assert places == ["/a", "/tmp", "/etc/hosts", "/a/b", "/a/b/c"]
    assert len({each.target for each in mounts}) == len(mounts)


@pytest.mark.parametrize(
    ("mount", "text"),
    [
        ({"subPathExpr": "$(NO)"}, 'missing value for "NO"'),
        ({"subPathExpr": "$(UP)"}, "unable to provision SubPath \"../x\": must not contain '..'"),
        ({"subPathExpr": "$(TOP)"}, 'error SubPath "/x" must be a relative path'),
    ],
)
def test_a_sub_path_from_variables_stays_in_its_volume(mount: JSON, text: str) -> None:
    obj = pod([{"name": "v", "emptyDir": {}}], {"name": "v", "mountPath": "/data", **mount})
    with pytest.raises(ConfigError) as raised:
        root(obj, {"UP": "../x", "TOP": "/x"})
    assert str(raised.value) == text


def test_a_volume_of_files_has_the_folders_on_which_others_are_mounted() -> None:
    mounts = [
        {"name": name, "mountPath": path} for name, path in (("v", "/etc/a"), ("w", "/etc/a/b/c"), ("w", "/etc/d"))
    ]
    obj = pod([{"name": "v", "configMap": {"name": "m"}}, {"name": "w", "emptyDir": {}}], *mounts)
    assert nested_folders(read_pod_spec(obj).containers, read_volumes(obj)[0]) == {"b/c"}


def test_a_volume_in_memory_has_its_limit() -> None:
    sizes = [None, "1Mi"]
    volumes = [
        {"name": "v", "emptyDir": {"medium": "Memory", **({"sizeLimit": each} if each else {})}} for each in sizes
    ]
    assert [(each.is_in_memory, each.size) for each in read_volumes(pod(volumes))] == [(True, 0), (True, 1 << 20)]
