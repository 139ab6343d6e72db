"""What Kubernetes fills in when a manifest leaves it out."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, deployment, new_registry, pod, service

from kubeapi.meta import JSON
from kubeapi.scheme import (
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    NAMESPACES,
    PERSISTENTVOLUMES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)


def created_pod(**fields: Any) -> JSON:
    spec: JSON = new_registry().create(PODS, pod(containers=[container(**fields)]))["spec"]
    return spec


def test_a_service_is_a_cluster_ip_service_for_tcp_on_its_own_port() -> None:
    spec = new_registry().create(SERVICES, service(clusterIP="127.96.0.9"))["spec"]
    assert spec == {
        "type": "ClusterIP",
        "clusterIP": "127.96.0.9",
        "clusterIPs": ["127.96.0.9"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }


@pytest.mark.parametrize("unset", [0, ""])
def test_a_target_port_that_says_nothing_is_the_port(unset: int | str) -> None:
    spec = new_registry().create(SERVICES, service(ports=[{"port": 80, "targetPort": unset}]))["spec"]
    assert spec["ports"][0]["targetPort"] == 80


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        (
            {"sessionAffinity": "ClientIP"},
            "sessionAffinityConfig",
            {"clientIP": {"timeoutSeconds": 10800}},
        ),
        ({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}}, "sessionAffinityConfig", None),
        ({"type": "NodePort"}, "externalTrafficPolicy", "Cluster"),
        ({"externalIPs": ["127.0.0.9"]}, "externalTrafficPolicy", "Cluster"),
        ({}, "externalTrafficPolicy", None),
        ({"type": "LoadBalancer"}, "allocateLoadBalancerNodePorts", True),
        ({"type": "NodePort"}, "allocateLoadBalancerNodePorts", None),
        ({"type": "ExternalName", "externalName": "a.example"}, "internalTrafficPolicy", None),
    ],
    ids=str,
)
def test_a_service_default_depends_on_the_rest(given: JSON, field: str, value: Any) -> None:
    assert new_registry().create(SERVICES, service(**given))["spec"].get(field) == value


def test_a_pod_gets_its_policies() -> None:
    spec = created_pod()
    admitted = ("tolerations", "priority", "preemptionPolicy", "serviceAccount", "serviceAccountName", "volumes")
    assert {name: value for name, value in spec.items() if name not in ("containers", *admitted)} == {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": True,
    }
    [own] = spec["containers"]
    assert {name: value for name, value in own.items() if name != "volumeMounts"} == (
        {
            "name": "app",
            "image": "nginx:1.27",
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "resources": {},
        }
    )


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        (f"nginx@sha256:{'0' * 64}", "IfNotPresent"),
        (f"nginx:latest@sha256:{'0' * 64}", "Always"),
        ("[::1]:5000/a", "Always"),
        ("Registry.example/a__b/c--d", "Always"),
        ("nginx:latest@sha256:0", "IfNotPresent"),
        ("0" * 64, "IfNotPresent"),
        ("<your-image>", "IfNotPresent"),
        ("ko://example.com/a", "IfNotPresent"),
        ("Nginx", "IfNotPresent"),
        ("a_b:80/c", "IfNotPresent"),
        ("a..b", "IfNotPresent"),
        ("a/b/", "IfNotPresent"),
    ],
)
def test_only_the_latest_image_is_pulled_always(image: str, policy: str) -> None:
    assert created_pod(image=image)["containers"][0]["imagePullPolicy"] == policy
    volume = {"name": "v", "image": {"reference": image}}
    stored = new_registry().create(PODS, pod(containers=[container()], volumes=[volume]))
    assert stored["spec"]["volumes"][0]["image"]["pullPolicy"] == policy


@pytest.mark.parametrize(
    ("probe", "filled"),
    [
        ({"httpGet": {"port": 80}}, {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}}),
        ({"grpc": {"port": 80}}, {"grpc": {"port": 80, "service": ""}}),
        ({"tcpSocket": {"port": "http"}, "periodSeconds": 3}, {"tcpSocket": {"port": "http"}, "periodSeconds": 3}),
    ],
    ids=["httpGet", "grpc", "tcpSocket"],
)
def test_a_probe_gets_its_times(probe: JSON, filled: JSON) -> None:
    times = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert created_pod(livenessProbe=probe)["containers"][0]["livenessProbe"] == {**times, **filled}


@pytest.mark.parametrize(
    ("fields", "path", "value"),
    [
        ({"ports": [{"containerPort": 80}]}, ("ports", 0, "protocol"), "TCP"),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]},
            ("env", 0, "valueFrom", "fieldRef", "apiVersion"),
            "v1",
        ),
        (
            {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}},
            ("resources", "requests"),
            {"cpu": "100m", "memory": "1Gi"},
        ),
        (
            {"lifecycle": {"preStop": {"httpGet": {"port": 80}}}},
            ("lifecycle", "preStop", "httpGet"),
            {"port": 80, "path": "/", "scheme": "HTTP"},
        ),
    ],
    ids=["port", "fieldRef", "requests", "lifecycle"],
)
def test_a_container_default_depends_on_the_rest(fields: JSON, path: tuple[str | int, ...], value: Any) -> None:
    found: Any = created_pod(**fields)["containers"][0]
    for step in path:
        found = found[step]
    assert found == value


def test_a_host_network_pod_uses_its_ports_on_the_host() -> None:
    spec = pod(hostNetwork=True, containers=[container(ports=[{"containerPort": 80}])])
    assert new_registry().create(PODS, spec)["spec"]["containers"][0]["ports"][0]["hostPort"] == 80


LIMITED: JSON = {"limits": {"cpu": "1"}}


@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICASETS], ids=str)
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"containers": [container(resources=LIMITED)]}, id="requests"),
        pytest.param(
            {"containers": [container()], "initContainers": [container("i", resources=LIMITED)]}, id="requests at first"
        ),
        pytest.param({"hostNetwork": True, "containers": [container(ports=[{"containerPort": 80}])]}, id="hostPort"),
        pytest.param({"containers": [container()]}, id="enableServiceLinks"),
    ],
)
def test_what_only_pods_get_is_not_written_into_a_template(resource: Resource, spec: JSON) -> None:
    registry = new_registry()
    created = registry.create(resource, {**deployment(template_spec=spec), "kind": resource.kind})
    template = created["spec"]["template"]["spec"]
    made = registry.create(PODS, pod(**template))["spec"]
    texts = [str(each) for each in (template, made)]
    for field in ("requests", "hostPort", "enableServiceLinks"):
        assert field not in texts[0]
    assert texts[0] != texts[1]
    registry.update(resource, created)


def test_volumes_get_a_source_and_a_mode() -> None:
    field = {"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}
    filled = {"path": "p", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}
    projections = [{"downwardAPI": {"items": [field]}}, {"serviceAccountToken": {"path": "t"}}]
    volumes = [
        {"name": "a"},
        {"name": "b", "configMap": {"name": "x"}},
        {"name": "c", "hostPath": {"path": "/"}},
        {"name": "d", "downwardAPI": {"items": [field]}},
        {"name": "e", "projected": {"sources": projections}},
    ]
    token = {"path": "t", "expirationSeconds": 3600}
    made = pod(volumes=volumes, serviceAccountName="default", automountServiceAccountToken=False)
    assert new_registry().create(PODS, made)["spec"]["volumes"] == [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "configMap": {"name": "x", "defaultMode": 420}},
        {"name": "c", "hostPath": {"path": "/", "type": ""}},
        {"name": "d", "downwardAPI": {"items": [filled], "defaultMode": 420}},
        {
            "name": "e",
            "projected": {
                "sources": [{"downwardAPI": {"items": [filled]}}, {"serviceAccountToken": token}],
                "defaultMode": 420,
            },
        },
    ]


def test_a_deployment_rolls_by_quarters() -> None:
    spec = new_registry().create(DEPLOYMENTS, deployment())["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


def test_a_replica_set_has_one_replica_but_none_stays_none() -> None:
    registry = new_registry()
    unset = {**deployment("a"), "kind": "ReplicaSet"}
    none = {**deployment("b", replicas=0), "kind": "ReplicaSet"}
    assert [registry.create(REPLICASETS, each)["spec"]["replicas"] for each in (unset, none)] == [1, 0]


def test_a_namespace_is_labelled_with_its_name() -> None:
    created = new_registry().create(NAMESPACES, {"metadata": {"name": "x"}})
    assert created["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert created["spec"] == {"finalizers": ["kubernetes"]}


def test_ports_of_endpoints_are_tcp() -> None:
    registry = new_registry()
    subsets = [{"addresses": [{"ip": "127.0.0.9"}], "ports": [{"port": 80}]}]
    endpoints = registry.create(ENDPOINTS, {"metadata": {"name": "web"}, "subsets": subsets})
    assert endpoints["subsets"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]
    endpoint_slice = {"metadata": {"name": "web"}, "addressType": "IPv4", "endpoints": [], "ports": [{"port": 80}]}
    created = registry.create(ENDPOINTSLICES, endpoint_slice)
    assert created["ports"] == [{"port": 80, "protocol": "TCP", "name": ""}]


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
    ],
    ids=str,
)
def test_a_pod_has_a_quality_of_service(resources: JSON, quality: str) -> None:
    created = new_registry().create(PODS, pod(containers=[container(resources=resources)]))
    assert created["status"]["qosClass"] == quality


@pytest.mark.parametrize(
    ("source", "given", "defaults"),
    [
        ("hostPath", {"path": "/a"}, {"type": ""}),
        ("iscsi", {"targetPortal": "a", "iqn": "iqn.2001-04.com.example:a", "lun": 0}, {"iscsiInterface": "default"}),
        (
            "rbd",
            {"monitors": ["a"], "image": "b"},
            {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
        ),
        (
            "azureDisk",
            {"diskName": "a", "diskURI": "https://b", "kind": "Dedicated"},
            {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False},
        ),
        (
            "scaleIO",
            {"gateway": "a", "system": "b", "secretRef": {"name": "c"}, "volumeName": "d"},
            {"storageMode": "ThinProvisioned", "fsType": "xfs"},
        ),
    ],
)
def test_a_source_of_a_volume_has_its_defaults(source: str, given: JSON, defaults: JSON) -> None:
    registry = new_registry()
    spec = registry.create(PODS, pod(containers=[container()], volumes=[{"name": "v", source: given}]))["spec"]
    assert spec["volumes"][0] == {"name": "v", source: given | defaults}
    more = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], source: given}
    spec = registry.create(PERSISTENTVOLUMES, {"metadata": {"name": "v"}, "spec": more})["spec"]
    assert spec[source] == given | defaults
