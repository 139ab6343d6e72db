"""What the API accepts, every component can work with: no object of any kind is a fault of a handler."""

from __future__ import annotations

import contextlib
import datetime
import json
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.helpers.kubeapi.objects import deployment, new_registry, pod, service
from tests.helpers.kubeapiserver.crds import crd

from kubeaggregator.availability import PASSED, prejudge, status_with
from kubeapi.extensions.apis import ExtensionAPIs
from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON, copy_object, key_of
from kubeapi.objects.service import read_service
from kubeapi.schema import FieldType, Struct, struct, struct_of
from kubeapi.scheme import (
    APISERVICES,
    CLUSTERROLEBINDINGS,
    CONTROLLERREVISIONS,
    CRONJOBS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DAEMONSETS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    HORIZONTALPODAUTOSCALERS,
    INGRESSCLASSES,
    INGRESSES,
    IPADDRESSES,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    PODTEMPLATES,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    ROLEBINDINGS,
    SERVICECIDRS,
    SERVICES,
    STATEFULSETS,
    Resource,
)
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubeapiserver.tables import table_for
from kubecontroller.controllers import ControllerConfig, new_controllers
from kubecontroller.listers import Listers
from kubedns.zone import Records
from kubelet.pod.machine.reboot import after_reboot
from kubelet.pod.probes import probes_of
from kubelet.pod.spec import PodSpec, read_pod_spec
from kubelet.runtime.prober import read_handler
from kubeproxy.proxier import Proxier
from kubescheduler.nodes import Nodes
from kubescheduler.scheduling import schedule
from kubesvc.why.readiness import waiting_for
from kubesvc.why.status import Readings, status_document


def follow_as_the_proxy(store: Store) -> None:
    proxier = Proxier()
    trackers: dict[Resource, Callable[[Any, JSON | None], None]] = {
        NODES: proxier.nodes.update,
        SERVICES: proxier.services.update,
        ENDPOINTSLICES: proxier.endpoints.update,
        INGRESSCLASSES: proxier.ingresses.update_class,
        INGRESSES: proxier.ingresses.update,
    }
    for resource, update in trackers.items():
        for obj in store.list(resource):
            update(key_of(obj), obj)
    proxier.sync()


def follow_as_the_name_server(store: Store) -> None:
    records = Records()
    handlers: dict[Resource, Callable[[list[Delta]], object]] = {
        NAMESPACES: records.namespaces_changed,
        SERVICES: records.services_changed,
        ENDPOINTSLICES: records.slices_changed,
        PODS: records.pods_changed,
    }
    for resource, handle in handlers.items():
        for obj in store.list(resource):
            handle([Delta(key_of(obj), None, obj)])


def changes(store: Store, resource: Resource) -> Iterator[Delta]:
    for obj in store.list(resource):
        for old, new in ((None, obj), (obj, obj), (obj, None)):
            yield Delta(key_of(obj), old, new)


def reconcile_as_the_controllers(store: Store) -> None:
    listers = Listers(store)
    for resource in RESOURCES:
        for obj in store.list(resource):
            listers.refresh(resource, key_of(obj))
    for controller in new_controllers(listers, ControllerConfig()):
        for resource in controller.watches:
            for delta in changes(store, resource):
                for key in controller.keys_for(resource, delta):
                    controller.reconcile(key, 0.0)


def schedule_and_read_pods(store: Store) -> None:
    nodes = Nodes()
    for obj in store.list(NODES):
        nodes.put_node(obj["metadata"]["name"], obj)
    for obj in store.list(PODS):
        nodes.put_pod(key_of(obj), obj)
        schedule(obj, nodes.world(), random.Random(1))
        read_probes_and_hooks(read_pod_spec(obj))
        after_reboot(obj, 0.0)
    for obj in store.list(SERVICES):
        read_service(obj)


def read_probes_and_hooks(pod: PodSpec) -> None:
    for container in pod.containers:
        probes = [each.handler for each in probes_of(container).values()]
        for action in (*probes, container.pre_stop, container.post_start):
            if action is not None:
                read_handler(action)


def show(store: Store) -> None:
    for resource in RESOURCES:
        for obj in store.list(resource):
            table_for(resource).row(obj, 0.0)
    status_document(store, Readings("n", 1, "v", "zone", [], [], {}, []))
    waiting_for(store, [])
    assert [str(each) for each in store.failures.all()] == []


def follow_as_the_aggregator(store: Store) -> None:
    for api in ExtensionAPIs(store).all():
        status_with(store.get(APISERVICES, "", api.name), prejudge(api, None, ()) or PASSED, 0.0)


BINDINGS = (ROLEBINDINGS, CLUSTERROLEBINDINGS)
WORKERS = (
    follow_as_the_proxy,
    follow_as_the_name_server,
    reconcile_as_the_controllers,
    schedule_and_read_pods,
    follow_as_the_aggregator,
    show,
)
GOOD = {SERVICES: service(), PODS: pod(), DEPLOYMENTS: deployment(), REPLICASETS: deployment()}
GOOD[CUSTOM_RESOURCE_DEFINITIONS] = crd()
GOOD |= {STATEFULSETS: deployment(), DAEMONSETS: deployment()}
GOOD[CONTROLLERREVISIONS] = {"metadata": {"name": "web", "namespace": "default"}, "data": {"spec": {}}, "revision": 1}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
GOOD[PERSISTENTVOLUMECLAIMS] = {"metadata": {"name": "web", "namespace": "default"}, "spec": CLAIM}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}
GOOD[PERSISTENTVOLUMES] = {"metadata": {"name": "web"}, "spec": VOLUME}
GOOD[SERVICECIDRS] = {"metadata": {"name": "web"}, "spec": {"cidrs": ["127.97.0.0/24"]}}
API = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
API_SERVICE = {"service": {"name": "web", "namespace": "default"}}
GOOD[APISERVICES] = {"metadata": {"name": "v1.example.com"}, "spec": {**API, **API_SERVICE}}
GOOD[IPADDRESSES] = {"metadata": {"name": "127.96.0.7"}, "spec": {"parentRef": {"resource": "x", "name": "y"}}}
ROLE = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}}
GOOD |= {each: {"metadata": {"name": "web", "namespace": "default"}, **ROLE} for each in BINDINGS}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
GOOD[INGRESSES] = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"defaultBackend": BACKEND}}
GOOD[INGRESSCLASSES] = {"metadata": {"name": "web"}, "spec": {"controller": "example.com/x"}}
WEB = {"metadata": {"name": "web", "namespace": "default"}}
TEMPLATE = deployment()["spec"]["template"]
JOB = {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
GOOD[REPLICATIONCONTROLLERS] = {**WEB, "spec": {"selector": {"app": "web"}, "template": TEMPLATE}}
GOOD[PODTEMPLATES] = {**WEB, "template": TEMPLATE}
GOOD[JOBS] = {**WEB, "spec": JOB}
GOOD[CRONJOBS] = {**WEB, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}}
GOOD[HORIZONTALPODAUTOSCALERS] = {**WEB, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3}}
REQUEST = b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n").decode()
SIGNING = {"request": REQUEST, "signerName": "example.com/x", "usages": ["client auth"]}
GOOD |= {each: {**WEB, "spec": SIGNING} for each in RESOURCES if each.kind == "CertificateSigningRequest"}

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
MATCHES = {"matchConstraints": {"resourceRules": [RULE]}}
PATCH = '[JSONPatch{op: "remove", path: "/x"}]'
MUTATION = {"patchType": "JSONPatch", "jsonPatch": {"expression": PATCH}}
POLICIES = {
    "ValidatingAdmissionPolicy": {**MATCHES, "validations": [{"expression": "true"}]},
    "ValidatingAdmissionPolicyBinding": {"policyName": "web", "validationActions": ["Deny"]},
    "MutatingAdmissionPolicy": {**MATCHES, "mutations": [MUTATION], "reinvocationPolicy": "Never"},
    "MutatingAdmissionPolicyBinding": {"policyName": "web"},
}
GOOD |= {
    each: {"metadata": {"name": "web"}, "spec": POLICIES[each.kind]} for each in RESOURCES if each.kind in POLICIES
}


def authority() -> str:
    """Return a certificate of an authority, in PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


GOOD |= {
    each: {"metadata": {"name": "web"}, "spec": {"trustBundle": authority()}}
    for each in RESOURCES
    if each.kind == "ClusterTrustBundle"
}
GOOD[ENDPOINTSLICES] = {"metadata": {"name": "web", "namespace": "default"}, "addressType": "IPv4", "endpoints": []}

WORDS: dict[str, tuple[Any, ...]] = {
    "string": (
        *("", "a", "web", "A_b", "None", "127.96.0.7", "127.0.0.1", "fd00::1", "TCP", "UDP", "In", "Exists", "IPv4"),
        *("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "ClientIP", "Local", "Cluster", "NoSchedule"),
        *(
            "RollingUpdate",
            "Recreate",
            "Always",
            "Never",
            "RequireDualStack",
            "10.0.0.0/8",
            "metadata.name",
            "1",
            "x/y",
        ),
    ),
    "boolean": (True, False),
    "int32": (-1, 0, 1, 80, 10250, 30080, 70000, 2**31 - 1),
    "int64": (-1, 0, 30, 2**63 - 1),
    "byte": ("", "AA=="),
    "Time": ("2026-01-02T03:04:05Z",),
    "MicroTime": ("2026-01-02T03:04:05.000006Z",),
    "Quantity": ("0", "1", "-1", "100m", "1.5Gi", "1E"),
    "IntOrString": (0, 1, 80, 70000, "http", "25%", "0%"),
    "double": (-1, 0.5, 2),
    "SchemaOrArray": ({"type": "string"}, {"type": "object"}, {"items": {}}),
    "SchemaOrBool": (True, False, {"type": "string"}, {"properties": {"a": {"type": "x"}}}),
    "SchemaOrStrings": (["a"], {}),
    "any": ("", 1, None, {}, []),
}
ATTEMPTS = 400
"""Objects of a kind, of which the API accepts some."""
MUST_ACCEPT = 10


def drawn(field: FieldType, rng: random.Random, depth: int) -> Any:
    """Return a value of a field's type."""
    if field.kind == "struct":
        return drawn_struct(struct(field.name), rng, depth - 1)
    if field.kind == "list" and field.element:
        return [drawn(field.element, rng, depth) for _ in range(rng.randrange(3))]
    if field.kind == "map" and field.element:
        return {rng.choice(WORDS["string"]): drawn(field.element, rng, depth) for _ in range(rng.randrange(3))}
    return rng.choice(WORDS[field.kind])


def drawn_struct(known: Struct, rng: random.Random, depth: int) -> JSON:
    """Return some of a struct's fields, more of them where it is outer, so that there is something to accept."""
    if depth <= 0:
        return {}
    share = rng.choice((0.05, 0.2, 0.5))
    return {name: drawn(field, rng, depth) for name, field in known.fields.items() if rng.random() < share}


def likely_object(resource: Resource, rng: random.Random) -> JSON:
    """Return an object over a good one of its kind."""
    fields = drawn_struct(struct_of(resource), rng, 6)
    good = copy_object(GOOD.get(resource, {"metadata": {"name": "web", "namespace": "default"}}))
    if not resource.namespaced:
        good["metadata"].pop("namespace", None)
    for part, value in fields.items():
        if part in ("spec", "status", "metadata"):
            kept = ("name", "namespace", "resourceVersion", "uid", "generateName", "deletionTimestamp", "selfLink")
            good[part] = {**good.get(part, {}), **{name: each for name, each in value.items() if name not in kept}}
        elif part not in ("kind", "apiVersion"):
            good[part] = value
    return {**good, "kind": resource.kind, "apiVersion": resource.api_version}


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_no_accepted_object_is_a_fault_of_anybodys(resource: Resource) -> None:
    rng, accepted = random.Random(11), 0
    for _ in range(ATTEMPTS):
        registry = new_registry()
        obj: JSON = {}
        for write in (registry.create, registry.update, registry.update_status):
            obj = likely_object(resource, rng)
            with contextlib.suppress(StatusError):
                write(resource, obj)
                accepted += 1
        for work in WORKERS:
            with explained(registry.store, resource):
                work(registry.store)
    assert accepted >= MUST_ACCEPT


@contextlib.contextmanager
def explained(store: Store, resource: Resource) -> Iterator[None]:
    """Add the objects to what goes wrong."""
    try:
        yield
    except Exception as error:
        error.add_note(json.dumps(store.list(resource), indent=1))
        raise
