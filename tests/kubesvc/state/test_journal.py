from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.helpers.kubeapiserver.crds import TABS, CustomClient, crd, tab
from tests.helpers.patience import PATIENCE

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import CONFIGMAPS, EVENTS, LEASES, NODES, PODS, SERVICES
from kubeapi.status import Expired, StatusError
from kubeapi.store import Store
from kubesvc.state import journal as journals
from kubesvc.state.journal import Journal
from kubesvc.state.resume import VERSION_GAP, resumed_store
from kubesvc.state.saved import Lost, Saved, UnreadableStateError, keep_lost, read_saved


def obj(name: str, **fields: object) -> JSON:
    return {"metadata": {"name": name, "namespace": "default"}, **fields}


@asynccontextmanager
async def kept(path: Path, store: Store, configuration: str = "") -> AsyncIterator[Journal]:
    journal = Journal(path)
    journal.begin(store, configuration)
    try:
        yield journal
    finally:
        await journal.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def saved(path: Path) -> Saved:
    found = read_saved(path, "forget it")
    assert found is not None
    return found


def names(path: Path) -> list[str]:
    return sorted(each["metadata"]["name"] for _, each in saved(path).objects)


async def test_where_the_objects_come_from_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "db")
    journal.begin(Store(), "", ["/a.yaml", "/b"])
    await journal.close()
    assert saved(tmp_path / "db").origins == ("/a.yaml", "/b")


async def test_a_database_that_knows_no_origins_is_read_all_the_same(tmp_path: Path) -> None:
    async with kept(tmp_path / "db", Store()):
        pass
    with closing(sqlite3.connect(tmp_path / "db")) as database, database:
        database.execute("DELETE FROM facts WHERE name = 'origins'")
    assert saved(tmp_path / "db").origins == ()


async def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path, store = tmp_path / "db", Store()
    store.create(CONFIGMAPS, obj("before"))
    async with kept(path, store, '{"kind": "x"}') as journal:
        store.create(CONFIGMAPS, obj("a", data={"k": "v\u2028\U0001f600"}))
        store.update(CONFIGMAPS, obj("before", data={"k": "2"}))
        store.create(CONFIGMAPS, obj("gone"))
        store.delete(CONFIGMAPS, "default", "gone")
        store.create(EVENTS, obj("event"))
        await asyncio.wait_for(journal.flushed(), PATIENCE)
        found = saved(path)  # while the journal still has it open
    assert (found.resource_version, found.configuration) == (5, '{"kind": "x"}')
    assert found.objects == tuple((CONFIGMAPS, each) for each in sorted(store.list(CONFIGMAPS), key=str) if each)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_nothing_is_waited_for_when_nothing_was_written(tmp_path: Path) -> None:
    store = Store()
    async with kept(tmp_path / "db", store) as journal:
        await asyncio.wait_for(journal.flushed(), PATIENCE)
        store.create(EVENTS, obj("not kept"))
        await asyncio.wait_for(journal.flushed(), PATIENCE)


async def test_leases_of_nodes_are_not_kept_and_leases_of_programs_are(tmp_path: Path) -> None:
    """A node renews its Lease every ten seconds: a cluster at rest would write to the disk for ever."""
    path, store = tmp_path / "db", Store()
    lease = {"metadata": {"name": "node-1", "namespace": "kube-node-lease"}}
    store.create(LEASES, lease)
    async with kept(path, store) as journal:
        store.create(LEASES, obj("leader"))
        store.update(LEASES, store.get(LEASES, "kube-node-lease", "node-1"))
        await asyncio.wait_for(journal.flushed(), PATIENCE)
    assert names(path) == ["leader"]


async def test_a_new_run_replaces_what_was_kept_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "db"
    for name in ("old", "new"):
        store = Store()
        store.create(CONFIGMAPS, obj(name))
        async with kept(path, store):
            pass
    assert names(path) == ["new"]


async def test_many_writers_wait_together(tmp_path: Path) -> None:
    path, store = tmp_path / "db", Store()
    async with kept(path, store) as journal:

        async def write(number: int) -> None:
            store.create(CONFIGMAPS, obj(f"c{number:03}"))
            await journal.flushed()

        await asyncio.wait_for(asyncio.gather(*map(write, range(200))), 30)
    assert len(names(path)) == 200


async def test_a_write_that_cannot_be_committed_is_refused_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    path, store = tmp_path / "db", Store()
    async with kept(path, store) as journal:
        await asyncio.wait_for(journal.flushed(), PATIENCE)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("ALTER TABLE facts RENAME TO lost")
        store.create(CONFIGMAPS, obj("a"))
        with pytest.raises(StatusError, match="not on disk yet"):
            await asyncio.wait_for(journal.flushed(), PATIENCE)
        other.execute("ALTER TABLE lost RENAME TO facts")
        other.close()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await journal.flushed()
                    break
                except StatusError:
                    continue
    assert names(path) == ["a"]
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database at all, but long enough to be one" * 100, id="no-database"),
        pytest.param(b"SQLite format 3\x00" + bytes(2000), id="torn"),
    ],
)
def test_a_corrupt_database_is_named_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "db"
    path.write_bytes(content)
    with pytest.raises(UnreadableStateError) as caught:
        read_saved(path, "`kubesvc down --purge` deletes it")
    assert str(path) in str(caught.value)
    assert "down --purge" in str(caught.value)


async def test_a_database_of_another_format_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "db"
    async with kept(path, Store()):
        pass
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UnreadableStateError, match="format 99"):
        read_saved(path, "")


def test_there_is_nothing_before_the_first_run(tmp_path: Path) -> None:
    assert read_saved(tmp_path / "db", "") is None


def registry(store: Store) -> Registry:
    return Registry(store, RegistryConfig("127.114.0.0/16"), clock=lambda: 1_790_000_000.0, rng=random.Random(1))


def test_a_resumed_cluster_keeps_its_addresses_and_gives_them_to_nobody_else() -> None:
    first = registry(Store())
    bootstrap(first)
    service = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    address = first.create(SERVICES, service)["spec"]["clusterIP"]
    objects = tuple((SERVICES, each) for each in first.store.list(SERVICES))
    second = registry(resumed_store(Saved(first.store.resource_version, "", objects), ["node-1"], 0.0))
    bootstrap(second)
    assert second.store.get(SERVICES, "default", "web")["spec"]["clusterIP"] == address
    taken = {**service, "metadata": {"name": "other"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}}
    with pytest.raises(StatusError, match="already allocated"):
        second.create(SERVICES, taken)


def test_no_version_is_given_twice_and_no_watch_reaches_behind_the_restart() -> None:
    store = resumed_store(Saved(7, "", ((CONFIGMAPS, obj("a")),)), [], 0.0)
    assert store.resource_version == 7 + VERSION_GAP
    with pytest.raises(Expired):
        store.watch(CONFIGMAPS, 7, lambda _: None)
    store.watch(PODS, store.resource_version, lambda _: None)


def test_what_was_on_a_node_that_is_no_more_is_gone_with_it() -> None:
    pods = [(PODS, {**obj(name), "spec": {"nodeName": node}}) for name, node in (("a", "n1"), ("b", "n2"), ("c", ""))]
    nodes = [(NODES, {"metadata": {"name": name}}) for name in ("n1", "n2")]
    store = resumed_store(Saved(1, "", (*pods, *nodes)), ["n1"], 0.0)
    found = [each["metadata"]["name"] for resource in (PODS, NODES) for each in store.list(resource)]
    assert found == ["a", "c", "n1"]


def broken(path: Path, text: str, resource: str = "services", name: str = "web") -> Saved:
    """Write a row as no kubesvc would, and read the database."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("REPLACE INTO objects VALUES (?, 'default', ?, ?)", (resource, name, text))
    return saved(path)


META = '"metadata": {"name": "web", "namespace": "default"}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'{{"kind": "Service", {META}}}', "it has no spec"),
        (f'{{"kind": "Service", {META}, "spec": []}}', "it has no spec"),
        (f'{{"kind": "Service", {META}, "spec": {{}}, "status": 1}}', "its status is not an object"),
        ('{"kind": "Service", "metadata": {"name": "x", "namespace": "default"}, "spec": {}}', "it has another name"),
        ('{"kind": "Service", "metadata": {}}', "it is not a Service"),
        (f'{{"kind": "Pod", {META}, "spec": {{}}}}', "it is not a Service"),
        ("[]", "it is not a Service"),
        ('{"kind": "Serv', "it is not JSON"),
        ("1, 2", "it is not JSON"),
    ],
)
async def test_a_row_that_is_no_object_loses_itself_alone(tmp_path: Path, text: str, why: str) -> None:
    store = Store()
    store.create(CONFIGMAPS, obj("a") | {"kind": "ConfigMap"})
    async with kept(tmp_path / "db", store):
        pass
    found = broken(tmp_path / "db", text)
    assert [each["metadata"]["name"] for _, each in found.objects] == ["a"]
    assert [str(each) for each in found.lost] == [f"services default/web ({why})"]
    assert found.lost[0].text == text


def test_what_is_lost_is_kept_in_a_file_of_its_owner(tmp_path: Path) -> None:
    row = Lost("services", "default", "web", "it has no spec", "{}")
    for _ in range(2):
        keep_lost([row], tmp_path / "lost")
    assert [json.loads(each) for each in (tmp_path / "lost").read_text().splitlines()] == [row._asdict()] * 2
    assert stat.S_IMODE((tmp_path / "lost").stat().st_mode) == 0o600


def test_a_pod_whose_saved_status_cannot_be_read_begins_anew() -> None:
    spec = {"nodeName": "n", "containers": []}
    pod = obj("a", spec=spec, status={"containerStatuses": [{"state": {"running": {}}}], "phase": "Running"})
    store = resumed_store(Saved(1, "", ((PODS, pod),)), ["n"], 0.0)
    assert store.get(PODS, "default", "a")["status"] == {"phase": "Pending"}


@pytest.mark.usefixtures("wanted_failures")
def test_a_saved_service_with_an_address_that_is_none_is_told_of() -> None:
    service = obj("web", spec={"clusterIPs": [7], "ports": []}, kind="Service")
    found = registry(resumed_store(Saved(1, "", ((SERVICES, service),)), [], 0.0))
    assert [str(each).partition(": ")[0] for each in found.store.failures.all()] == [
        "kube-apiserver (allocators) goes on without Service default/web"
    ]


def test_a_node_gets_its_pod_cidrs_anew_as_the_configuration_may_have_changed() -> None:
    """They may not be changed once they are set, which refused every start with another podSubnet."""
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDR": "a", "podCIDRs": ["a"], "taints": []}}
    store = resumed_store(Saved(1, "", ((NODES, node),)), ["n"], 0.0)
    assert store.get(NODES, "", "n")["spec"] == {"taints": []}


async def test_what_is_not_on_disk_is_a_problem_and_named_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    path, store = tmp_path / "db", Store()
    path.mkdir()
    store.create(CONFIGMAPS, obj("first"))
    async with kept(path, store) as journal:
        store.create(CONFIGMAPS, obj("a"))
        store.create(CONFIGMAPS, obj("a2"))
        store.delete(CONFIGMAPS, "default", "a2")
        store.create(NODES, {"metadata": {"name": "n1"}})
        owner = {"kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}
        store.create(PODS, {"metadata": {"name": "web-1", "namespace": "default", "ownerReferences": [owner]}})
        with pytest.raises(StatusError, match="not on disk yet"):
            await asyncio.wait_for(journal.flushed(), PATIENCE)
        assert journal.problem.startswith(f"the last changes cannot be written to {path} (unable to open")
        assert journal.unsaved() == [f"configmaps default/{name}" for name in ("first", "a", "a2")]
        path.rmdir()
        await until(lambda: not journal.problem)
        await asyncio.wait_for(journal.flushed(), PATIENCE)
        assert journal.unsaved() == []
    assert {"first", "a"} <= set(names(path))


@pytest.mark.parametrize("is_freed", [True, False], ids=["freed at the last moment", "never"])
async def test_closing_tries_once_more_and_says_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_freed: bool
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 3600)
    path, store = tmp_path / "db", Store()
    path.mkdir()
    store.create(CONFIGMAPS, obj("a"))
    journal = Journal(path)
    journal.begin(store, "")
    await until(lambda: bool(journal.problem))
    if is_freed:
        path.rmdir()
    await asyncio.wait_for(journal.close(), PATIENCE)
    assert journal.unsaved() == ([] if is_freed else ["configmaps default/a"])
    assert path.is_dir() != is_freed


def test_a_folder_that_may_not_be_written_to_is_no_reason_to_forget_what_is_in_it() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to anybody but its user
        path = Path(folder) / "db"
        asyncio.run(_keep_one(path))
        for each in (path.parent, path):
            os.chown(each, *_somebody())
            each.chmod(0o555)
        said = _as_somebody(lambda: read_saved(path, "forget it"))
    assert said.startswith(f"the state in {path} cannot be read (")
    assert said.endswith(f"); nothing is lost: {path.parent} must be writable for this user and have free space")


def _somebody() -> tuple[int, int]:
    """Return an ordinary user and group: root may write anywhere."""
    return (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _as_somebody(act: Callable[[], object]) -> str:
    """Return what an act of an ordinary user fails with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(_somebody()[0])
            act()
        except Exception as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        text = said.read().decode()
    os.waitpid(child, 0)
    return text


async def _keep_one(path: Path) -> None:
    store = Store()
    store.create(CONFIGMAPS, obj("a"))
    async with kept(path, store):
        pass


async def test_custom_resources_are_kept_with_their_definitions(tmp_path: Path) -> None:
    client = CustomClient()
    client.define(crd())
    async with kept(tmp_path / "db", client.registry.store):
        client.post(TABS, tab({"text": "x"}, "before"))
        client.define(crd(plural="rows", kind="Row"))
        client.post(TABS.replace("tabs", "rows"), {**tab({"text": "y"}, "after"), "kind": "Row"})
    found = saved(tmp_path / "db")
    kinds = {str(resource): each["metadata"]["name"] for resource, each in found.objects if "example" in str(resource)}
    assert kinds == {"tabs.example.com": "before", "rows.example.com": "after"}
    store = resumed_store(found, (), 0.0)
    [tabs] = [each for each in CustomKinds(store).served() if each.plural == "tabs"]
    assert [each["spec"] for each in store.list(tabs)] == [{"text": "x"}]
