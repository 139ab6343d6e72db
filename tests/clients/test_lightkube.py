"""lightkube: models generated from the real definitions, server-side apply first of all, no discovery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.operators import exists, in_
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod, Service
from lightkube.types import PatchType
from tests.helpers.cluster.api import GREETING, WEB, APICluster
from tests.helpers.patience import PATIENCE

NAMESPACE = "lightkube"


@pytest.fixture(scope="module")
def client(cluster: APICluster) -> Iterator[Any]:
    found = KubeConfig.from_file(cluster.kubeconfig)
    with Client(config=found, namespace=NAMESPACE, field_manager="tests", trust_env=False) as made:
        yield made


def service(name: str, *ports: int, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    listed = [ServicePort(name=f"p{port}", port=port) for port in ports or (80,)]
    return Service(
        metadata=ObjectMeta(name=name, labels=labels),
        spec=ServiceSpec(ports=listed, selector=spec.pop("selector", {"app": name}), **spec),
    )


def test_applying_creates_then_changes_then_takes_away_what_is_no_longer_said(client: Any) -> None:
    created = client.apply(service("applied", 80, 81))
    assert [each.port for each in created.spec.ports] == [80, 81]

    changed = client.apply(service("applied", 81, 82))
    assert {each.port for each in changed.spec.ports} == {81, 82}
    assert changed.metadata.uid == created.metadata.uid
    assert changed.spec.clusterIP == created.spec.clusterIP


def test_applying_the_same_again_writes_nothing(client: Any) -> None:
    first, second = (client.apply(service("steady")) for _ in range(2))

    assert first.metadata.resourceVersion == second.metadata.resourceVersion


def test_what_another_manager_owns_is_taken_only_by_force(client: Any) -> None:
    client.apply(service("owned"), field_manager="first")
    taking = service("owned", selector={"app": "other"})

    with pytest.raises(ApiError) as refused:
        client.apply(taking, field_manager="second")
    assert (refused.value.status.code, refused.value.status.reason) == (409, "Conflict")
    assert [each.field for each in refused.value.status.details.causes] == [".spec.selector"]
    taken = client.apply(taking, field_manager="second", force=True)
    assert taken.spec.selector == {"app": "other"}
    assert {each.manager for each in taken.metadata.managedFields} >= {"first", "second"}


def test_a_dry_run_of_applying_stores_nothing(client: Any) -> None:
    assert client.apply(service("dry"), dry_run=True).spec.clusterIP
    with pytest.raises(ApiError) as refused:
        client.get(Service, "dry")
    assert refused.value.status.code == 404


def test_an_object_lives_through_all_verbs(client: Any) -> None:
    created = client.create(service("verbs"))
    created.spec.selector = {"app": "replaced"}
    assert client.replace(created).spec.selector == {"app": "replaced"}
    for kind in (PatchType.STRATEGIC, PatchType.MERGE):
        patched = client.patch(Service, "verbs", {"metadata": {"labels": {kind.name.lower(): "yes"}}}, patch_type=kind)
    assert patched.metadata.labels == {"strategic": "yes", "merge": "yes"}
    jumped = [{"op": "remove", "path": "/metadata/labels/merge"}]
    assert client.patch(Service, "verbs", jumped, patch_type=PatchType.JSON).metadata.labels == {"strategic": "yes"}
    assert client.set(Service, "verbs", annotations={"a": "b"}).metadata.annotations == {"a": "b"}
    client.delete(Service, "verbs")
    with pytest.raises(ApiError):
        client.get(Service, "verbs")


def test_lists_are_chosen_by_labels_and_fields_and_read_in_chunks(client: Any) -> None:
    for number in range(5):
        client.create(service(f"listed-{number}", labels={"listed": str(number)}))

    assert len(list(client.list(Service, labels={"listed": exists()}, chunk_size=2))) == 5
    chosen = client.list(Service, labels={"listed": in_(["1", "2"])})
    assert sorted(each.metadata.name for each in chosen) == ["listed-1", "listed-2"]
    assert [each.metadata.name for each in client.list(Service, fields={"metadata.name": "listed-3"})] == ["listed-3"]
    assert {each.metadata.name for each in client.list(Node)} == {"node-1", "node-2"}
    assert NAMESPACE in {each.metadata.name for each in client.list(Namespace)}
    assert list(client.list(Deployment)) == []


PUBLISHED = {"kube-root-ca.crt"}
"""What is in every namespace, and comes again."""


def test_a_collection_is_deleted_at_once(client: Any) -> None:
    for number in range(3):
        client.create(ConfigMap(metadata=ObjectMeta(name=f"collected-{number}"), data={"number": str(number)}))
    assert len(list(client.list(ConfigMap))) == 3 + len(PUBLISHED)
    client.deletecollection(ConfigMap)

    assert {each.metadata.name for each in client.list(ConfigMap)} <= PUBLISHED


def test_a_watch_tells_each_change_as_it_is_made(client: Any) -> None:
    client.create(service("watched"))
    seen = []
    for change, found in client.watch(Service, fields={"metadata.name": "watched"}, server_timeout=PATIENCE):
        seen.append((change, found.metadata.labels))
        if change == "DELETED":
            break
        if change == "MODIFIED":
            client.delete(Service, "watched")
        else:
            client.patch(Service, "watched", {"metadata": {"labels": {"a": "b"}}})
    assert seen == [("ADDED", None), ("MODIFIED", {"a": "b"}), ("DELETED", {"a": "b"})]


def test_a_pod_is_waited_for_and_its_log_is_read(client: Any) -> None:
    pod = client.wait(Pod, WEB, for_conditions=["Ready"], namespace="default")

    assert pod.status.podIP.startswith("127.252.")
    assert next(iter(client.log(WEB, namespace="default"))) == f"{GREETING}\n"
    following = client.log(WEB, namespace="default", follow=True, newlines=False)
    assert next(iter(following)) == GREETING


def test_a_command_in_a_pod_has_output_and_an_exit_code(client: Any) -> None:
    script = "echo $POD_IP; echo oh >&2; exit 3"
    said = client.exec(
        WEB, namespace="default", command=["sh", "-c", script], stdout=True, stderr=True, timeout=PATIENCE
    )

    assert said.stdout.startswith("127.252.")
    assert (said.stderr, said.exit_code) == ("oh\n", 3)
