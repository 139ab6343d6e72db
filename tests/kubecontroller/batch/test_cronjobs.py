"""CronJobs: what is started when, what is deleted, and what the status says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import CRONJOBS, JOBS
from kubecontroller.batch.cronjob.controller import reconcile
from kubecontroller.change import Change, Create, Delete, RecordEvent, Requeue, UpdateStatus

TEMPLATE = {
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}}}
}


def at(text: str) -> float:
    return datetime.fromisoformat(f"2026-07-09T{text}").replace(tzinfo=UTC).timestamp()


def cron_job(status: JSON | None = None, **spec: Any) -> JSON:
    metadata = {"uid": "cron", "creationTimestamp": "2026-07-09T10:00:30Z"}
    limits = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    full = {"schedule": "*/5 * * * *", "concurrencyPolicy": "Allow", "jobTemplate": TEMPLATE, **limits, **spec}
    return build("CronJob", "cron", "default", metadata=metadata, spec=full, status=status or {})


def job(name: str, end: str = "", ended: str = "10:01:00") -> JSON:
    when = f"2026-07-09T{ended}Z"
    conditions = [{"type": end, "status": "True", "lastTransitionTime": when}] if end else []
    times = {"completionTime": when} if end == "Complete" else {}
    status = {"startTime": when, "conditions": conditions, **times}
    return build("Job", name, "default", metadata={"uid": name}, spec={}, status=status)


def active(*names: str) -> JSON:
    return {"active": [{"kind": "Job", "name": each, "uid": each} for each in names]}


def sync(obj: JSON, now: str, *jobs: JSON, taken: tuple[str, ...] = ()) -> list[Change]:
    return reconcile(obj, jobs, taken.__contains__, at(now))


def named(changes: list[Change]) -> list[str]:
    """Return what is done, in short: created and deleted Jobs, and the reasons of events."""
    found = []
    for each in changes:
        match each:
            case Create():
                found.append(f"+{each.obj['metadata']['name'].removeprefix('cron-')}")
            case Delete():
                found.append(f"-{each.key.name}")
            case RecordEvent():
                found.append(each.reason)
    return found


def name_at(time: str) -> str:
    return f"cron-{int(at(time)) // 60}"


def minute(time: str) -> str:
    return f"+{int(at(time)) // 60}"


LAST = {"lastScheduleTime": "2026-07-09T10:05:00Z"}


@pytest.mark.parametrize(
    ("obj", "now", "jobs", "done"),
    [
        pytest.param(cron_job(), "10:04:59", [], [], id="not yet"),
        pytest.param(cron_job(), "10:05:00", [], [minute("10:05:00")], id="due"),
        pytest.param(cron_job(), "10:23:00", [], [minute("10:20:00")], id="only the latest of missed times"),
        pytest.param(cron_job(LAST), "10:07:00", [], [], id="already served"),
        pytest.param(cron_job(suspend=True), "10:05:00", [], [], id="suspended"),
        pytest.param(
            cron_job(active("a"), concurrencyPolicy="Forbid"), "10:05:00", [job("a")], ["JobAlreadyActive"],
            id="forbidden beside another",
        ),
        pytest.param(
            cron_job(active("a"), concurrencyPolicy="Replace"), "10:05:00", [job("a")], ["-a", minute("10:05:00")],
            id="replaces another",
        ),
        pytest.param(cron_job(active("a")), "10:05:00", [job("a")], [minute("10:05:00")], id="beside another"),
        pytest.param(cron_job(startingDeadlineSeconds=60), "10:07:00", [], [], id="too late"),
        pytest.param(cron_job(startingDeadlineSeconds=180), "10:07:00", [], [minute("10:05:00")], id="just in time"),
        pytest.param(cron_job(timeZone="Mars/Base"), "10:05:00", [], ["UnknownTimeZone"], id="unknown time zone"),
        pytest.param(cron_job(schedule="bad"), "10:05:00", [], ["UnparseableSchedule"], id="malformed schedule"),
        pytest.param(cron_job(schedule="0 0 31 2 *"), "10:05:00", [], ["InvalidSchedule"], id="never due"),
        pytest.param(
            cron_job(schedule="* * * * *"), "14:05:00", [], ["TooManyMissedTimes", minute("14:05:00")],
            id="many were missed",
        ),
        pytest.param(
            cron_job(LAST), "10:06:00", [job(each, "Complete", f"09:0{each}:00") for each in "4213"], ["-1"],
            id="the oldest of four successes goes",
        ),
        pytest.param(
            cron_job(LAST), "10:06:00", [job("1", "Failed"), job("2", "Failed")], ["-1"], id="all but one failure go"
        ),
        pytest.param(cron_job(LAST), "10:06:00", [job("a")], ["UnexpectedJob"], id="a job of somebody else"),
        pytest.param(cron_job(LAST | active("a")), "10:06:00", [], ["MissingJob"], id="an active job is gone"),
        pytest.param(
            cron_job(LAST | active("a")), "10:06:00", [job("a", "Complete")], ["SawCompletedJob"], id="a job has ended"
        ),
    ],
)  # fmt: skip
def test_a_job_is_started_when_it_is_due(obj: JSON, now: str, jobs: list[JSON], done: list[str]) -> None:
    assert named(sync(obj, now, *jobs)) == done


def test_a_started_job_is_noted_as_active_with_the_time_that_it_serves() -> None:
    changes = sync(cron_job(), "10:05:01", job(name_at("10:05:00")))
    [status] = [each.obj["status"] for each in changes if isinstance(each, UpdateStatus)]
    assert status["lastScheduleTime"] == "2026-07-09T10:05:00Z"
    assert [each["name"] for each in status["active"]] == [name_at("10:05:00")]
    assert named(changes) == []


def test_a_name_that_another_job_has_is_left_to_it() -> None:
    assert named(sync(cron_job(), "10:05:00", taken=(name_at("10:05:00"),))) == []


def test_the_last_success_is_the_latest_one() -> None:
    done = [job("a", "Complete", "10:02:00"), job("b", "Complete", "10:04:00"), job("c", "Failed", "10:05:00")]
    [status] = [
        each.obj["status"] for each in sync(cron_job(LAST), "10:06:00", *done) if isinstance(each, UpdateStatus)
    ]
    assert status["lastSuccessfulTime"] == "2026-07-09T10:04:00Z"


@pytest.mark.parametrize(
    ("obj", "now", "seconds"),
    [
        pytest.param(cron_job(), "10:04:00", 60.1, id="the first time"),
        pytest.param(cron_job(LAST), "10:06:00", 240.1, id="the next time"),
        pytest.param(cron_job(schedule="@every 90s"), "10:01:00", 60.1, id="every so often"),
    ],
)
def test_it_is_looked_at_again_when_it_is_due_next(obj: JSON, now: str, seconds: float) -> None:
    [later] = [each.after for each in sync(obj, now) if isinstance(each, Requeue)]
    assert later == pytest.approx(seconds)


@pytest.mark.looptime
async def test_a_cron_job_runs_every_minute_in_its_time_zone_and_keeps_three_jobs() -> None:
    async with FakeCluster().running() as cluster:
        spec = {"schedule": "* * * * *", "timeZone": "Asia/Tokyo", "jobTemplate": TEMPLATE}
        cluster.registry.create(CRONJOBS, build("CronJob", "cron", "default", spec=spec))
        for _ in range(5):
            await asyncio.sleep(60.5)
            await cluster.settle()
            for pod in cluster.pods():
                if pod["status"]["phase"] == "Running":
                    cluster.kubelet.end(ObjectKey("default", pod["metadata"]["name"]), "Succeeded")
            await cluster.settle()
        jobs = cluster.store.list(JOBS)
        assert (len(jobs), len(cluster.pods())) == (3, 3)
        stamps = {each["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] for each in jobs}
        assert all(each.endswith("+09:00") for each in stamps)
        [status] = [each["status"] for each in cluster.store.list(CRONJOBS)]
        assert status.keys() == {"lastScheduleTime", "lastSuccessfulTime"}
