"""Jobs over a real Store, with a kubelet that only pretends: counts, limits, policies, suspension, deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster

from kubeapi.meta import JSON, ObjectKey, annotations_of, format_time, key_of
from kubeapi.objects.parts import list_at
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import EVENTS, JOBS, PODS
from kubeapi.watching import WatchEvent

pytestmark = pytest.mark.looptime

KEY = ObjectKey("default", "work")
TRACKING = "batch.kubernetes.io/job-tracking"


def job(pod: JSON | None = None, **spec: Any) -> JSON:
    pod_spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}], **(pod or {})}
    metadata = {"name": "work", "namespace": "default"}
    template = {"spec": pod_spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}


class Work:
    """A Job in a fake cluster, with everything that its status ever said."""

    def __init__(self, cluster: FakeCluster, obj: JSON) -> None:
        self.cluster = cluster
        self.statuses: list[JSON] = []
        cluster.store.watch(JOBS, cluster.store.resource_version, self._note)
        cluster.registry.create(JOBS, obj)

    def _note(self, event: WatchEvent) -> None:
        self.statuses.append(event.object.get("status") or {})

    @property
    def status(self) -> JSON:
        return self.statuses[-1]

    def active(self) -> list[JSON]:
        """Return the pods that run, in the order of their names."""
        found = [each for each in self.cluster.pods() if each["status"]["phase"] in ("Pending", "Running")]
        kept = [each for each in found if "deletionTimestamp" not in each["metadata"]]
        return sorted(kept, key=key_of)

    async def end(self, *phases: str, code: int = 1) -> None:
        """End as many running pods as there are phases, in the order of their names."""
        for pod, phase in zip(self.active(), phases, strict=False):
            ended = {"exitCode": code if phase == "Failed" else 0, "finishedAt": format_time(self.cluster.clock())}
            statuses = [{"name": "main", "state": {"terminated": ended}}]
            status = {**pod["status"], "phase": phase, "conditions": [], "containerStatuses": statuses}
            self.cluster.registry.update_status(PODS, {**pod, "status": status})
        await self.cluster.settle()

    def conditions(self) -> list[str]:
        listed = self.status.get("conditions", ())
        return [f"{each['type']}={each['reason']}" for each in listed if each["status"] == "True"]

    def events(self) -> Iterator[str]:
        for each in self.cluster.store.list(EVENTS):
            if each["involvedObject"]["kind"] == "Job" and each["reason"] != "SuccessfulCreate":
                yield each["reason"]

    def change(self, **spec: Any) -> None:
        stored = self.cluster.store.get(JOBS, *KEY)
        self.cluster.registry.update(JOBS, {**stored, "spec": {**stored["spec"], **spec}})


async def test_pods_run_until_enough_have_succeeded_and_each_is_counted_once() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(completions=3, parallelism=2))
        await cluster.settle()
        assert (work.status["active"], work.status["ready"], work.status["terminating"]) == (2, 2, 0)
        assert all(TRACKING in each["metadata"]["finalizers"] for each in cluster.pods())
        await work.end("Succeeded", "Succeeded")
        assert (work.status["active"], work.status["succeeded"]) == (1, 2)
        await work.end("Succeeded")
        assert work.status["succeeded"] == 3
        assert work.conditions() == ["SuccessCriteriaMet=CompletionsReached", "Complete=CompletionsReached"]
        assert "active" not in work.status
        assert work.status["completionTime"]
        assert list(work.events()) == ["Completed"]
        assert not any(list_at(each, "metadata", "finalizers") for each in cluster.pods())
        named = [list_at(each, "uncountedTerminatedPods", "succeeded") for each in work.statuses]
        assert sorted(len(each) for each in named if each) == [1, 2]


async def test_without_completions_one_success_ends_the_job_once_the_others_have_ended() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(parallelism=3))
        await cluster.settle()
        await work.end("Succeeded")
        assert (work.status["active"], work.conditions()) == (2, [])
        await work.end("Failed", "Succeeded")
        assert work.conditions()[-1] == "Complete=CompletionsReached"
        assert (work.status["succeeded"], work.status["failed"]) == (2, 1)


async def test_failed_pods_are_replaced_after_a_pause_that_doubles_until_the_limit() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(backoffLimit=2))
        await cluster.settle()
        for pause in (10, 20):
            await work.end("Failed")
            await asyncio.sleep(pause - 2)
            assert work.active() == []
            await asyncio.sleep(3)
            await cluster.settle()
            assert len(work.active()) == 1
        await work.end("Failed")
        assert work.conditions() == ["FailureTarget=BackoffLimitExceeded", "Failed=BackoffLimitExceeded"]
        assert work.status["failed"] == 3
        assert list(work.events()) == ["BackoffLimitExceeded"]


async def test_the_deadline_ends_what_runs() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(parallelism=2, completions=2, activeDeadlineSeconds=30))
        await cluster.settle()
        await asyncio.sleep(31)
        await cluster.settle()
        assert work.conditions() == ["FailureTarget=DeadlineExceeded", "Failed=DeadlineExceeded"]
        assert (cluster.pods(), work.status["failed"]) == ([], 2)


async def test_an_indexed_job_gives_each_pod_its_number() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(completions=3, parallelism=3, completionMode="Indexed"))
        await cluster.settle()
        pods = sorted(cluster.pods(), key=key_of)
        for index, pod in enumerate(pods):
            assert pod["metadata"]["name"].startswith(f"work-{index}-")
            assert pod["spec"]["hostname"] == f"work-{index}"
            assert pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == str(index)
            assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
        await work.end("Succeeded", "Failed", "Succeeded")
        assert (work.status["completedIndexes"], work.status["succeeded"]) == ("0,2", 2)
        await asyncio.sleep(11)
        await cluster.settle()
        [again] = work.active()
        assert annotations_of(again)["batch.kubernetes.io/job-completion-index"] == "1"
        await work.end("Succeeded")
        assert (work.status["completedIndexes"], work.conditions()[-1]) == ("0-2", "Complete=CompletionsReached")


async def test_an_index_that_fails_too_often_fails_alone_and_then_the_job() -> None:
    async with FakeCluster().running() as cluster:
        indexed = job(completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1)
        work = Work(cluster, indexed)
        await cluster.settle()
        await work.end("Failed", "Succeeded")
        await asyncio.sleep(11)
        await cluster.settle()
        [again] = work.active()
        assert annotations_of(again)["batch.kubernetes.io/job-index-failure-count"] == "1"
        await work.end("Failed")
        assert (work.status["failedIndexes"], work.status["completedIndexes"]) == ("0", "1")
        assert work.conditions() == ["FailureTarget=FailedIndexes", "Failed=FailedIndexes"]


@pytest.mark.parametrize(
    ("rules", "code", "conditions", "failed"),
    [
        pytest.param(
            [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}],
            42, ["FailureTarget=PodFailurePolicy", "Failed=PodFailurePolicy"], 1, id="fails the job",
        ),
        pytest.param(
            [{"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [1]}}], 42, [], 0, id="is ignored",
        ),
        pytest.param(
            [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1], "containerName": "main"}}],
            42, ["FailureTarget=BackoffLimitExceeded", "Failed=BackoffLimitExceeded"], 1, id="matches no rule",
        ),
    ],
)  # fmt: skip
async def test_a_failure_policy_decides_by_exit_code(
    rules: list[JSON], code: int, conditions: list[str], failed: int
) -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(backoffLimit=0, podFailurePolicy={"rules": rules}))
        await cluster.settle()
        await work.end("Failed", code=code)
        assert (work.conditions(), work.status.get("failed", 0)) == (conditions, failed)


async def test_a_success_policy_ends_the_job_before_all_indexes_have_succeeded() -> None:
    async with FakeCluster().running() as cluster:
        policy = {"rules": [{"succeededIndexes": "0,2", "succeededCount": 1}]}
        work = Work(cluster, job(completions=3, parallelism=3, completionMode="Indexed", successPolicy=policy))
        await cluster.settle()
        await work.end("Succeeded")
        assert work.conditions() == ["SuccessCriteriaMet=SuccessPolicy", "Complete=SuccessPolicy"]
        assert (work.status["succeeded"], work.status.get("failed", 0), work.active()) == (1, 0, [])


async def test_a_suspended_job_has_no_pods_and_starts_anew_when_it_is_resumed() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(suspend=True))
        await cluster.settle()
        assert (cluster.pods(), work.conditions()) == ([], ["Suspended=JobSuspended"])
        assert "startTime" not in work.status
        work.change(suspend=False)
        await cluster.settle()
        assert (len(work.active()), work.conditions(), "startTime" in work.status) == (1, [], True)
        work.change(suspend=True)
        await cluster.settle()
        assert (cluster.pods(), work.status.get("failed", 0)) == ([], 0)
        assert list(work.events()) == ["Suspended", "Resumed", "SuccessfulDelete"]


async def test_a_pod_that_is_deleted_counts_as_failed_and_goes() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job())
        await cluster.settle()
        [pod] = cluster.pods()
        cluster.registry.delete(PODS, *key_of(pod))
        await cluster.settle()
        assert work.status["failed"] == 1
        await asyncio.sleep(31)
        await cluster.settle()
        assert [each["metadata"]["name"] for each in cluster.pods()] != [pod["metadata"]["name"]]


async def test_the_pods_of_a_deleted_job_are_freed_and_deleted() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(parallelism=2, completions=4))
        await cluster.settle()
        await work.end("Succeeded")
        cluster.registry.delete(JOBS, *KEY)
        await cluster.settle()
        assert cluster.pods() == []


async def test_a_finished_job_goes_with_its_pods_once_its_time_is_over() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(ttlSecondsAfterFinished=20))
        await cluster.settle()
        await work.end("Succeeded")
        await asyncio.sleep(18)
        assert cluster.store.find(JOBS, KEY) is not None
        await asyncio.sleep(4)
        await cluster.settle()
        assert (cluster.store.find(JOBS, KEY), cluster.pods()) == (None, [])


async def test_a_job_of_another_controller_is_left_alone() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(managedBy="example.com/queue"))
        await cluster.settle()
        assert (cluster.pods(), work.status) == ([], {})


async def test_a_job_whose_pods_are_refused_says_so_and_counts_none() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job({"priority": 7}))
        await cluster.settle()
        assert cluster.events("FailedCreate")
        assert (work.status.get("active", 0), "startTime" in work.status) == (0, True)


async def test_completions_and_parallelism_of_an_indexed_job_shrink_together() -> None:
    async with FakeCluster().running() as cluster:
        work = Work(cluster, job(completions=3, parallelism=3, completionMode="Indexed"))
        await cluster.settle()
        work.change(completions=2, parallelism=2)
        await cluster.settle()
        indexes = sorted(annotations_of(each)["batch.kubernetes.io/job-completion-index"] for each in work.active())
        assert indexes == ["0", "1"]
        await work.end("Succeeded", "Succeeded")
        assert work.status["completedIndexes"] == "0,1"


async def test_a_pod_that_nothing_counts_is_freed() -> None:
    async with FakeCluster().running() as cluster:
        stray = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray", "finalizers": [TRACKING]}}
        spec = {"containers": [{"name": "main", "image": "busybox"}]}
        cluster.registry.create(PODS, {**stray, "spec": spec})
        await cluster.settle()
        [pod] = cluster.pods()
        assert not list_at(pod, "metadata", "finalizers")
        cluster.registry.delete(PODS, *key_of(pod), DeleteOptions(0))
        assert cluster.pods() == []
