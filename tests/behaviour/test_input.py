"""What `kubesvc up` is given: files, folders and standard input, good and bad, arguments, and edits while it runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, eventually, running
from tests.helpers.cluster.ground import Ground, processes_of
from tests.helpers.cluster.manifests import deployment, service, stream, write

GROUND = Ground(4)


@pytest.fixture
def commands(tmp_path: Path) -> ClusterCommands:
    """Return the commands of a cluster that does not run."""
    return ClusterCommands(tmp_path, "given")


class TestInput:
    def test_folders_lists_several_documents_and_stdin_are_read_together(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        write(folder / "a.yaml", GROUND.configuration(), service("one"), deployment("one"))
        (folder / "b.json").write_text(
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [service("two", "one")]})
        )
        (folder / "notes.txt").write_text("no manifest: [")
        with running(commands, str(folder), "-", stdin=stream(service("three", "one"))):
            hosts = {curl(f"http://{commands.at(name)}/hostname") for name in ("one", "two", "three")}
            assert hosts == {each["name"] for each in commands.pods("one-")}

    def test_an_unknown_kind_is_named_and_the_rest_runs(self, commands: ClusterCommands, tmp_path: Path) -> None:
        route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "front"}}
        file = write(tmp_path / "some.yaml", GROUND.configuration(), route, service("web"), deployment("web"))
        result = commands.up(file)
        assert result.returncode == 0
        assert "gateway.networking.k8s.io/v1 HTTPRoute front is left out" in result.stderr
        assert curl(f"http://{commands.at('web')}/hostname")
        commands.down()

    def test_sctp_keeps_no_cluster_from_being_ready(self, commands: ClusterCommands, tmp_path: Path) -> None:
        diameter = service("diameter", "web", ports=[{"name": "diameter", "port": 3868, "protocol": "SCTP"}])
        file = write(tmp_path / "sctp.yaml", GROUND.configuration(), diameter, service("web"), deployment("web"))
        with running(commands, file):
            assert curl(f"http://{commands.at('web')}/hostname")

    def test_a_moved_address_is_named_with_both_addresses(self, commands: ClusterCommands, tmp_path: Path) -> None:
        moved = service("web", externalIPs=["192.168.77.7"])
        file = write(tmp_path / "moved.yaml", GROUND.configuration(), moved, deployment("web"))
        result = commands.up(file)
        assert "spec.externalIPs[0]: 192.168.77.7 is 127.168.77.7 on this machine" in result.stderr
        assert commands.at("web", "externalIP") == "127.168.77.7:8080"
        commands.down()

    def test_every_fault_of_every_document_is_told_at_once_and_nothing_starts(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        (tmp_path / "one.yaml").write_text(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: Bad\nspec:\n  ports:\n  - port: 70000\n"
            "---\n"
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: two\n"
        )
        (tmp_path / "two.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: [}\n")
        (tmp_path / "three.yaml").write_text(
            "apiVersion: v1\nkind: Service\nmetadata: {name: ok}\nspec: {prots: [], ports: [{port: 80}]}\n"
        )
        result = commands.up(str(tmp_path))
        said = result.stderr
        assert (result.returncode, result.stdout) == (2, "")
        assert f'{tmp_path}/one.yaml:4:3: metadata.name: Invalid value: "Bad"' in said
        assert f"{tmp_path}/one.yaml:7:5: spec.ports[0].port: Invalid value: 70000" in said
        assert f"{tmp_path}/one.yaml:14:3: spec.replicas:" in said
        assert f"{tmp_path}/two.yaml:3:" in said
        assert f'{tmp_path}/three.yaml:4:8: spec.prots: unknown field "spec.prots"' in said
        assert said.endswith("faults found, nothing was started\n")
        assert not processes_of(commands.state)
        assert commands.named("status").returncode == 1


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["up", "nowhere.yaml"], 'nowhere.yaml: the path "nowhere.yaml" does not exist'),
            (["up", "-"], "there are no objects in it"),
            (["up", "--watch", "-"], "--watch cannot watch standard input"),
            (["up", "--timeout", "soon", "-"], "'soon' is not a duration"),
            (["up", "--name", "Not_A_Name", "-"], "a cluster name is a DNS-1123 label"),
            (["scale", "web", "--replicas=1"], 'write it as "deployment/NAME"'),
            (["scale", "deployment/web"], "Missing option '--replicas'"),
            (["scale", "deployment/web", "--replicas=-1"], "-1 is not in the range"),
            (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
            (["sing"], "No such command 'sing'"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_bad_usage_is_said_with_status_2(self, commands: ClusterCommands, arguments: list[str], said: str) -> None:
        result = commands.run(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert said in result.stderr


class TestWatch:
    def test_edits_are_applied_while_it_runs(self, commands: ClusterCommands, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        file = folder / "web.yaml"
        write(folder / "cluster.yaml", GROUND.configuration())
        write(file, service("web"), service("spare", "web"), deployment("web"))
        with commands.foreground("--watch", str(folder)) as up:
            up.wait_until_ready()
            write(file, service("web"), service("spare", "web"), deployment("web", 3))
            assert eventually(lambda: len(commands.ready_pods("web-")) == 3)
            pods = {each["name"] for each in commands.pods("web-")}
            moved = service("web", ports=[{"port": 9090, "targetPort": 8080}])
            write(file, moved, deployment("web", 3))
            assert eventually(lambda: commands.listener("web")["port"] == 9090)
            assert eventually(lambda: all(each["name"] != "spare" for each in commands.status()["services"]))
            assert curl(f"http://{commands.at('web')}/hostname") in pods
            file.write_text("kind: [broken\n")
            assert eventually(lambda: "kubesvc: nothing was applied" in up.err())
            assert f"{file}:2:1" in up.err()
            write(folder / "bad.yaml", service("late", ports=[{"port": 0}]))
            write(file, moved, deployment("web", 1))
            assert eventually(lambda: "spec.ports[0].port: Invalid value: 0" in up.err())
            assert {each["name"] for each in commands.pods("web-")} == pods
            assert curl(f"http://{commands.at('web')}/hostname") in pods
            (folder / "bad.yaml").unlink()
            assert eventually(lambda: len(commands.pods("web-")) == 1)
            up.interrupt()
            assert up.wait() == 0

    def test_what_cannot_be_read_any_more_changes_nothing(self, commands: ClusterCommands, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        write(folder / "all.yaml", GROUND.configuration(), service("web"), deployment("web"))
        with running(commands, "--watch", str(folder)):
            before = commands.at("web"), commands.pods("web-")
            shutil.move(folder, tmp_path / "away")
            assert eventually(lambda: f'the path "{folder}" does not exist' in commands.log())
            assert (commands.at("web"), commands.pods("web-")) == before
            shutil.move(tmp_path / "away", folder)
            write(folder / "all.yaml", GROUND.configuration(), service("web"), deployment("web", 2))
            assert eventually(lambda: len(commands.ready_pods("web-")) == 2)
