from __future__ import annotations

import asyncio
import errno
import os
import signal
from io import StringIO
from pathlib import Path

import pytest
from tests.helpers.kubesvc.input_manifests import load_text
from tests.helpers.kubesvc.session import Run
from tests.helpers.patience import PATIENCE
from tests.kubesvc.run.input.test_prepare import POLICY

from kubeapi.events import EventRecorder
from kubeapi.scheme import SERVICES
from kubemanifest.clientapply import apply
from kubesvc.run.api.admissions import ClusterAdmissions
from kubesvc.run.changes.edits import Editor, apply_edits
from kubesvc.run.changes.postponed import Postponed
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BAD_INPUT, EXIT_FAILED, EXIT_NOT_READY, EXIT_WELL

WEB = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_drains_and_ends_well(folder: Path, number: signal.Signals) -> None:
    run = Run(folder)
    run.cluster.ready.set()
    async with run.going() as task:
        signal.raise_signal(number)
    assert await task == EXIT_WELL
    assert run.cluster.is_stopped
    assert run.err.getvalue() == "kubesvc: draining; a second Ctrl-C stops at once\nkubesvc: stopped\n"


async def test_a_second_signal_stops_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    run = Run(folder)
    run.cluster.ready.set()
    async with run.going():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert statuses == [EXIT_AT_ONCE]


async def test_an_ignored_hangup_stays_ignored(folder: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = Run(folder)
        run.cluster.ready.set()
        async with run.going() as task:
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
            assert not task.done()
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.looptime
async def test_a_ready_cluster_is_announced_and_the_caller_told(folder: Path) -> None:
    run = Run(folder)
    run.warnings = ["web.yaml:4:1: odd"]
    run.cluster.faults_of_the_machine = ["no metrics: 127.0.0.1:10249 is taken"]
    run.cluster.problems_of_services = ["Service default/web: Its selector matches no pod."]
    async with run.going() as task:
        await asyncio.sleep(29)
        assert run.told == []
        run.cluster.faults_of_the_machine.append("20,000 open files are too few")
        run.cluster.ready.set()
        await asyncio.sleep(1)
        assert run.told == [EXIT_WELL]
        assert not task.done()
        signal.raise_signal(signal.SIGINT)
    out = run.out.getvalue().splitlines()
    assert out[0].startswith("NAMESPACE ")
    assert out[-1] == "kubesvc: ready"
    assert run.err.getvalue().splitlines()[:4] == [
        "Warning: web.yaml:4:1: odd",
        "Warning: no metrics: 127.0.0.1:10249 is taken",
        "Warning: 20,000 open files are too few",
        "Warning: Service default/web: Its selector matches no pod.",
    ]


@pytest.mark.usefixtures("wanted_failures")
async def test_a_module_that_cannot_be_read_any_more_does_not_end_a_cluster_that_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), f"{name}.py")

    monkeypatch.setattr("kubesvc.terminal.up.session.import_module", refuse)
    run = Run(folder)
    run.cluster.ready.set()
    async with run.going() as task:
        async with asyncio.timeout(PATIENCE):
            while not run.cluster.store.failures.all():
                await asyncio.sleep(0.001)
        assert not task.done()
        signal.raise_signal(signal.SIGINT)
    assert await task == EXIT_WELL


class Screen(StringIO):
    """Both streams, as a terminal shows them."""


@pytest.mark.looptime
@pytest.mark.parametrize(("seconds", "is_after"), [(1, True), (3, False)])
async def test_warnings_come_after_the_table_where_that_is_near(folder: Path, seconds: float, is_after: bool) -> None:
    run = Run(folder)
    run.out = run.err = Screen()
    run.warnings = ["odd"]
    async with run.going():
        await asyncio.sleep(seconds)
        assert ("Warning: odd" in run.out.getvalue()) == (not is_after)
        run.cluster.ready.set()
        await asyncio.sleep(1)
        signal.raise_signal(signal.SIGINT)
    shown = run.out.getvalue()
    assert (shown.index("NAMESPACE") < shown.index("Warning: odd") < shown.index("kubesvc: ready")) == is_after
    assert shown.count("Warning: odd") == 1


@pytest.mark.looptime
async def test_of_hundreds_of_warnings_of_a_start_the_first_are_printed(folder: Path) -> None:
    run = Run(folder)
    run.cluster.faults_of_the_machine = [f"address {number} is taken" for number in range(120)]
    recorder = EventRecorder(run.cluster.registry, "test", clock=lambda: 0.0)
    async with run.going():
        for number in range(300):
            about = {"kind": "Service", "metadata": {"namespace": "default", "name": f"s{number}", "uid": "x"}}
            recorder.event({"apiVersion": "v1", **about}, "Warning", "Odd", "odd")
        run.cluster.ready.set()
        await asyncio.sleep(1)
        signal.raise_signal(signal.SIGINT)
    lines = [each for each in run.err.getvalue().splitlines() if each.startswith("Warning: ")]
    assert (len(lines), [each for each in lines if " more: " in each]) == (
        42,
        [
            "Warning: ... and 100 more: `kubesvc status --name shop`",
            "Warning: ... and 280 more: `kubesvc status --name shop -o wide`",
        ],
    )


async def test_the_warnings_of_a_start_that_fails_are_said_too(folder: Path) -> None:
    run = Run(folder)
    run.warnings = ["odd"]
    run.cluster.failure = ZeroDivisionError("oops")
    with pytest.raises(ExceptionGroup):
        await run.session().run()
    assert run.err.getvalue() == "Warning: odd\n"


@pytest.mark.looptime
async def test_what_is_not_ready_in_time_ends_in_the_foreground(folder: Path) -> None:
    run = Run(folder, timeout=30.0)
    run.cluster.words = ["container web of pod default/web wrote last:", "    no database"]
    async with run.going() as task:
        await asyncio.sleep(31)
    assert await task == EXIT_NOT_READY
    assert run.told == [EXIT_NOT_READY]
    assert run.err.getvalue() == (
        "kubesvc: not ready within 30s:\n"
        "  Pod default/web: Pending\n"
        "  container web of pod default/web wrote last:\n"
        "      no database\n"
    )
    assert "kubesvc: ready" not in run.out.getvalue()


@pytest.mark.looptime
async def test_of_thousands_of_reasons_the_first_are_printed(folder: Path) -> None:
    run = Run(folder, timeout=1.0)
    run.cluster.reasons = [f"Service default/web-{number}: its addresses are not bound yet" for number in range(2051)]
    async with run.going() as task:
        await asyncio.sleep(2)
    assert await task == EXIT_NOT_READY
    lines = run.err.getvalue().splitlines()
    assert (len(lines), lines[-1]) == (52, "  ... and 2,001 more")


@pytest.mark.looptime
async def test_what_is_not_ready_in_time_runs_on_in_the_background(folder: Path) -> None:
    run = Run(folder, timeout=1.5, is_detached=True)
    async with run.going() as task:
        await asyncio.sleep(100)
        assert run.told == [EXIT_NOT_READY]
        assert not task.done()
        signal.raise_signal(signal.SIGTERM)
    assert "not ready within 1.5s" in run.err.getvalue()
    assert "see `kubesvc status --name shop`, end it: `kubesvc down --name shop`" in run.err.getvalue()


@pytest.mark.looptime
async def test_a_cluster_that_hangs_while_it_starts_is_not_waited_for_either(folder: Path) -> None:
    run = Run(folder, timeout=30.0)
    run.cluster.started.clear()
    async with run.going() as task:
        await asyncio.sleep(31)
    assert await task == EXIT_NOT_READY


@pytest.mark.looptime
async def test_a_timeout_of_0_waits_for_ever(folder: Path) -> None:
    run = Run(folder, timeout=0.0)
    async with run.going() as task:
        await asyncio.sleep(1_000_000)
        assert not task.done()
        signal.raise_signal(signal.SIGINT)


async def test_a_cluster_that_is_stopped_before_it_is_ready_has_failed(folder: Path) -> None:
    run = Run(folder)
    async with run.going() as task:
        signal.raise_signal(signal.SIGINT)
    assert await task == EXIT_FAILED
    assert run.told == []


async def test_a_cluster_that_crashes_ends_the_session(folder: Path) -> None:
    run = Run(folder)
    run.cluster.failure = ZeroDivisionError("oops")
    with pytest.raises(ExceptionGroup) as caught:
        await run.session().run()
    assert caught.group_contains(ZeroDivisionError)


async def test_each_warning_is_said_once_when_it_comes_up(folder: Path) -> None:
    run = Run(folder)
    run.cluster.ready.set()
    async with run.going():
        recorder = EventRecorder(run.cluster.registry, "test", clock=lambda: 1_700_000_000.0)
        about = run.cluster.store.get(SERVICES, "default", "kubernetes")
        for kind, message in (("Warning", "a"), ("Warning", "a"), ("Normal", "b"), ("Warning", "c")):
            recorder.event(about, kind, "Odd", message)
        signal.raise_signal(signal.SIGINT)
    assert run.err.getvalue().splitlines()[:2] == [
        "Warning: Service default/kubernetes: Odd: a",
        "Warning: Service default/kubernetes: Odd: c",
    ]


async def test_what_was_said_when_it_was_applied_is_not_said_again_of_every_pod(folder: Path) -> None:
    run = Run(folder)
    run.cluster.ready.set()
    async with run.going():
        recorder = EventRecorder(run.cluster.registry, "test", clock=lambda: 1_700_000_000.0)
        about = run.cluster.store.get(SERVICES, "default", "kubernetes")
        recorder.event(about, "Warning", "NotEmulated", "kubesvc does not emulate spec.volumes")
        signal.raise_signal(signal.SIGINT)
    assert "NotEmulated" not in run.err.getvalue()


async def edited(run: Run, file: Path, text: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a watching session, edit a file, and wait until ``said`` has been printed."""
    monkeypatch.setattr("kubesvc.terminal.up.watch.POLL_SECONDS", 0.01)
    run.cluster.ready.set()
    async with run.going():
        while "kubesvc: ready" not in run.out.getvalue():
            await asyncio.sleep(0.001)
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        async with asyncio.timeout(PATIENCE):
            while said not in run.out.getvalue() + run.err.getvalue():
                await asyncio.sleep(0.005)
        signal.raise_signal(signal.SIGINT)


def names(run: Run) -> set[str]:
    return {each["metadata"]["name"] for each in run.cluster.store.list(SERVICES, "default")}


async def test_a_new_file_is_applied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder, is_watching=True)
    await edited(run, folder / "b.yaml", WEB.replace("web", "api"), "service/api created", monkeypatch)
    assert "api" in names(run)


async def test_a_warning_of_what_stays_as_it_was_is_not_said_at_every_edit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: old}\n"
    (folder / "route.yaml").write_text(route)
    run = Run(folder, is_watching=True)
    more = f"{WEB.replace('web', 'api')}---\n{route.replace('old', 'new')}"
    await edited(run, folder / "b.yaml", more, "service/api created", monkeypatch)
    said = [
        line.partition("HTTPRoute ")[2].split()[0] for line in run.err.getvalue().splitlines() if "HTTPRoute" in line
    ]
    assert said == ["old", "new"]


async def test_what_a_removed_file_held_is_deleted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.yaml").write_text(WEB.replace("web", "other"))
    run = Run(folder, is_watching=True)
    for each in run.read().loaded.documents:
        apply(run.cluster.registry, SERVICES, each.obj)
    await edited(run, folder / "other.yaml", None, "service/other deleted", monkeypatch)
    assert "other" not in names(run)


async def test_a_bad_edit_changes_nothing_and_is_said_with_its_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(folder, is_watching=True)
    await edited(run, folder / "web.yaml", WEB.replace("80", "-1"), "kubesvc: nothing was applied", monkeypatch)
    assert f"{folder / 'web.yaml'}:4:" in run.err.getvalue()
    assert names(run) == {"kubernetes"}


async def test_a_changed_configuration_waits_for_the_next_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder, is_watching=True)
    text = "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\nproxy: {balancer: round_robin}\n"
    await edited(run, folder / "c.yaml", text, "it takes effect at the next start", monkeypatch)


async def test_an_edit_that_the_registry_refuses_changes_nothing_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(folder, is_watching=True)
    for each in run.read().loaded.documents:
        apply(run.cluster.registry, SERVICES, each.obj)
    taken = run.cluster.store.get(SERVICES, "default", "web")["spec"]["clusterIP"]
    changed = WEB.replace("{ports", "{clusterIP: 127.100.0.7, ports") + "---\n" + WEB.replace("web", "api")
    await edited(run, folder / "web.yaml", changed, "kubesvc: nothing was applied", monkeypatch)
    assert "may not change once set" in run.err.getvalue()
    assert names(run) == {"kubernetes", "web"}
    assert run.cluster.store.get(SERVICES, "default", "web")["spec"]["clusterIP"] == taken


@pytest.mark.parametrize("is_ready", [True, False])
async def test_what_was_refused_comes_as_faults_of_the_input_and_the_rest_runs(folder: Path, is_ready: bool) -> None:
    run = Run(folder, is_detached=True, timeout=30.0 if is_ready else 0.01)
    lost = load_text(WEB.replace("name: web", "name: lost, namespace: shop")).documents
    run.cluster.postponed = Postponed(lost, run.cluster.editor())
    await run.cluster.postponed.apply(run.cluster.wait_until_started)
    run.cluster.faults_of_the_machine = [*run.cluster.postponed.problems(), "odd"]
    if is_ready:
        run.cluster.ready.set()
    async with run.going() as task:
        async with asyncio.timeout(PATIENCE):
            while not run.told:
                await asyncio.sleep(0.001)
        signal.raise_signal(signal.SIGTERM)
    fault = str(run.cluster.postponed.faults[0])
    last = "1 fault found, the rest is applied" if is_ready else "not ready within 0.01s:"
    assert run.err.getvalue().startswith(f"Warning: odd\n{fault}\nkubesvc: {last}\n")
    assert run.told == [await task] == [EXIT_BAD_INPUT if is_ready else EXIT_NOT_READY]


async def test_what_was_refused_is_tried_again_at_the_next_edit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder, is_watching=True)
    lost = WEB.replace("name: web", "name: lost, namespace: shop")
    (folder / "lost.yaml").write_text(lost)
    [refused] = [each for each in run.read().loaded.documents if each.name == "lost"]
    run.cluster.postponed = Postponed([refused], run.cluster.editor())
    await run.cluster.postponed.apply(run.cluster.wait_until_started)
    assert len(run.cluster.postponed.faults) == 1
    shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    await edited(run, folder / "shop.yaml", shop, "service/lost created", monkeypatch)
    assert run.cluster.postponed.faults == []


@pytest.mark.parametrize(("operation", "outcome"), [("CREATE", "created"), ("UPDATE", "configured")])
async def test_what_a_removed_policy_refused_is_applied(
    folder: Path, monkeypatch: pytest.MonkeyPatch, operation: str, outcome: str
) -> None:
    run = Run(folder, is_watching=True)
    text = POLICY.replace("ACTION", "Deny").replace("CREATE", operation)
    web = run.read().loaded.documents
    (folder / "policy.yaml").write_text(text)
    stored = load_text(WEB.replace("80", "81")).documents if operation == "UPDATE" else ()
    await apply_edits(Editor(run.cluster.registry), (*stored, *load_text(text).documents))
    run.cluster.admissions = ClusterAdmissions(run.cluster.store, run.cluster.registry.rng)
    run.cluster.postponed = Postponed(web, run.cluster.editor())
    await run.cluster.postponed.apply(run.cluster.wait_until_started)
    assert len(run.cluster.postponed.faults) == 1
    await edited(run, folder / "policy.yaml", None, f"service/web {outcome}", monkeypatch)
    assert "validatingadmissionpolicybinding/labelled deleted" in run.out.getvalue()
