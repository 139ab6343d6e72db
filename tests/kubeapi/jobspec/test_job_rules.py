"""What Jobs and CronJobs are completed with, refused for and warned of, and what may not change in them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import faults_of, new_registry, update_faults_of
from tests.helpers.objects import build

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import CRONJOBS, JOBS
from kubeapi.status import Invalid

INDEXED = {"completionMode": "Indexed", "completions": 3}
RULE = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}


def template(**pod: Any) -> JSON:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}], **pod}}


def job(**spec: Any) -> JSON:
    return build("Job", "work", "default", spec={"template": template(), **spec})


def cron_job(name: str = "cron", job_spec: JSON | None = None, **spec: Any) -> JSON:
    full = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template(), **(job_spec or {})}}, **spec}
    return build("CronJob", name, "default", spec=full)


def policy(**rule: Any) -> JSON:
    return {"podFailurePolicy": {"rules": [{**RULE, **rule}]}}


def success(**rule: Any) -> JSON:
    return {**INDEXED, "successPolicy": {"rules": [rule]}}


R, S = "spec.podFailurePolicy.rules[0]", "spec.successPolicy.rules[0]"


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({}, []),
        (INDEXED, []),
        ({"parallelism": -1}, ["spec.parallelism: Invalid value: -1: must be greater than or equal to 0"]),
        ({"completionMode": "Indexed", "parallelism": 1},
         ["spec.completions: Required value: when completion mode is Indexed"]),
        ({"completionMode": "Other", "completions": 1},
         ['spec.completionMode: Unsupported value: "Other": supported values: "NonIndexed", "Indexed"']),
        ({"backoffLimitPerIndex": 1},
         ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]),
        ({**INDEXED, "maxFailedIndexes": 4, "backoffLimitPerIndex": 1},
         ["spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"]),
        ({**INDEXED, "maxFailedIndexes": 1},
         ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"]),
        ({**INDEXED, "parallelism": 100_001},
         ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is"
          " Indexed"]),
        ({"managedBy": "me"},
         ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']),
        ({"template": template(restartPolicy="Always")},
         ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']),
        ({"podReplacementPolicy": "Now"},
         ['spec.podReplacementPolicy: Unsupported value: "Now": supported values: "Failed", "TerminatingOrFailed"']),
        ({**policy(), "podReplacementPolicy": "TerminatingOrFailed"},
         ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"']),
        ({**policy(), "template": template(restartPolicy="OnFailure")},
         ['spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when'
          " podFailurePolicy is specified"]),
        (policy(action="Retry"),
         [f'{R}.action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"']),
        (policy(action="FailIndex"),
         [f'{R}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set']),
        (policy(onExitCodes=None),
         [f"{R}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"]),
        (policy(onPodConditions=[{"type": "DisruptionTarget"}]),
         [f"{R}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"]),
        (policy(onExitCodes={"operator": "In", "values": [0]}),
         [f"{R}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"]),
        (policy(onExitCodes={"operator": "In", "values": [1, 1]}),
         [f"{R}.onExitCodes.values[1]: Duplicate value: 1"]),
        (policy(onExitCodes={"operator": "In", "values": [1], "containerName": "x"}),
         [f'{R}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in'
          " the pod template"]),
        ({"successPolicy": {"rules": []}, **INDEXED},
         ["spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is"
          " specified"]),
        (success(), [f"{S}: Required value: at least one of succeededCount or succeededIndexes must be specified"]),
        (success(succeededIndexes="0-7"),
         [f'{S}.succeededIndexes: Invalid value: "0-7": error parsing succeededIndexes: too large index: "7"']),
        (success(succeededCount=4),
         [f"{S}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified"
          " completions)"]),
        (success(succeededCount=2, succeededIndexes="0"),
         [f"{S}.succeededCount: Invalid value: 2: must be less than or equal to 1 (the number of indexes in the"
          " specified succeededIndexes field)"]),
    ],
)  # fmt: skip
def test_a_job_is_refused_in_kubernetes_words(spec: JSON, faults: list[str]) -> None:
    assert faults_of(JOBS, job(**spec)) == faults


def test_a_job_gets_selector_labels_and_defaults() -> None:
    made = new_registry().create(JOBS, job())
    uid, spec = made["metadata"]["uid"], made["spec"]
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert spec["template"]["metadata"]["labels"] == {
        "job-name": "work",
        "batch.kubernetes.io/job-name": "work",
        "controller-uid": uid,
        "batch.kubernetes.io/controller-uid": uid,
    }
    assert made["metadata"]["labels"] == spec["template"]["metadata"]["labels"]
    numbers = [spec[each] for each in ("completions", "parallelism", "backoffLimit")]
    assert (numbers, spec["suspend"], spec["podReplacementPolicy"]) == ([1, 1, 6], False, "TerminatingOrFailed")
    assert (made["status"], made["metadata"]["generation"]) == ({}, 1)


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ({"parallelism": 2}, "completions", None),
        ({**INDEXED, "backoffLimitPerIndex": 1}, "backoffLimit", 2**31 - 1),
        (policy(), "podReplacementPolicy", "Failed"),
    ],
)
def test_a_default_follows_from_other_fields(spec: JSON, field: str, value: Any) -> None:
    assert new_registry().create(JOBS, job(**spec))["spec"].get(field) == value


def test_a_label_that_is_generated_may_not_be_another() -> None:
    own = {**template(), "metadata": {"labels": {"job-name": "other"}}}
    [fault] = faults_of(JOBS, job(template=own))
    assert fault.startswith("spec.template.metadata.labels[job-name]: Invalid value: ")
    assert fault.endswith(": must be 'work'")


def test_with_a_selector_of_ones_own_nothing_is_generated() -> None:
    own = {**template(), "metadata": {"labels": {"a": "b"}}}
    spec = {"manualSelector": True, "selector": {"matchLabels": {"a": "b"}}, "template": own}
    made = new_registry().create(JOBS, job(**spec))
    assert made["spec"]["template"]["metadata"]["labels"] == made["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(("given", "names"), [({}, 5), ({"a": "b"}, 1)], ids=["the template's", "its own"])
def test_a_job_without_labels_has_those_of_its_template(given: JSON, names: int) -> None:
    own = {**template(), "metadata": {"labels": {"a": "b"}}}
    made = new_registry().create(JOBS, {**job(template=own), "metadata": {"name": "work", "labels": given}})
    assert len(made["spec"]["template"]["metadata"]["labels"]) == 5
    assert len(made["metadata"]["labels"]) == names


def changed(registry: Registry, **spec: Any) -> list[str]:
    stored = registry.store.get(JOBS, "default", "work")
    return update_faults_of(JOBS, {**stored, "spec": {**stored["spec"], **spec}}, registry)


@pytest.mark.parametrize(
    ("spec", "change", "faults"),
    [
        ({}, {"parallelism": 5, "suspend": True, "backoffLimit": 1, "ttlSecondsAfterFinished": 1}, []),
        ({}, {"completions": 2}, ["spec.completions: Invalid value: 2: field is immutable"]),
        (INDEXED, {"completions": 2, "parallelism": 2}, []),
        (INDEXED, {"completions": 2},
         ["spec.completions: Invalid value: 2: can only be modified in tandem with spec.parallelism"]),
        ({}, {"managedBy": "a.io/b"}, ['spec.managedBy: Invalid value: "a.io/b": field is immutable']),
    ],
)  # fmt: skip
def test_most_of_a_job_may_not_change(spec: JSON, change: JSON, faults: list[str]) -> None:
    registry = new_registry()
    registry.create(JOBS, job(**spec))
    assert changed(registry, **change) == faults


@pytest.mark.parametrize(
    ("is_suspended", "pod", "is_allowed"),
    [
        (True, {"nodeSelector": {"zone": "a"}, "tolerations": [{"operator": "Exists"}]}, True),
        (True, {"containers": [{"name": "main", "image": "busybox", "resources": {"requests": {"cpu": "1"}}}]}, True),
        (True, {"containers": [{"name": "main", "image": "nginx"}]}, False),
        (False, {"nodeSelector": {"zone": "a"}}, False),
    ],
)
def test_placement_and_resources_of_a_suspended_job_may_change(is_suspended: bool, pod: JSON, is_allowed: bool) -> None:
    registry = new_registry()
    stored = registry.create(JOBS, job(suspend=is_suspended))["spec"]["template"]
    faults = changed(registry, template={**stored, "spec": {**stored["spec"], **pod}})
    assert [each.partition(":")[0] for each in faults] == (
        [] if is_allowed else ["spec.template.spec" if is_suspended else "spec.template"]
    )


def status_faults(registry: Registry, **status: Any) -> list[str]:
    stored = registry.store.get(JOBS, "default", "work")
    try:
        registry.update_status(JOBS, {**stored, "status": status})
    except Invalid as refusal:
        return [str(each) for each in refusal.causes]
    return []


def conditions(*kinds: str) -> list[JSON]:
    return [{"type": each, "status": "True"} for each in kinds]


START = {"startTime": "2026-01-01T00:00:00Z"}
EARLY = {"completionTime": "2025-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("status", "faults"),
    [
        ({"active": -1}, ["status.active: Invalid value: -1: must be greater than or equal to 0"]),
        ({"ready": 1}, ["status.ready: Invalid value: 1: cannot set more ready pods than active"]),
        ({**START, "conditions": conditions("Failed")},
         ["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true"
          " condition"]),
        ({**START, "conditions": conditions("SuccessCriteriaMet", "Complete")},
         ["status.completionTime: Required value: completionTime is required for Complete jobs"]),
        ({**START, **EARLY, "conditions": conditions("SuccessCriteriaMet", "Complete")},
         ['status.completionTime: Invalid value: "2025-01-01T00:00:00Z": must be equal to or after `startTime`']),
        ({"conditions": conditions("FailureTarget", "Failed")},
         ["status.startTime: Required value: startTime is required for finished job"]),
        ({**START, "active": 1, "conditions": conditions("FailureTarget", "Failed")},
         ["status.active: Invalid value: 1: active>0 is invalid for finished job"]),
        ({"completedIndexes": "0"},
         ['status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed'
          " completion mode"]),
        ({"uncountedTerminatedPods": {"failed": ["a", "a"]}},
         ['status.uncountedTerminatedPods.failed[1]: Duplicate value: "a"']),
        ({**START, "conditions": conditions("FailureTarget", "Failed")}, []),
    ],
)  # fmt: skip
def test_a_status_of_another_controller_must_make_sense(status: JSON, faults: list[str]) -> None:
    registry = new_registry()
    registry.create(JOBS, job())
    assert status_faults(registry, **status) == faults


def test_a_status_does_not_go_back() -> None:
    registry = new_registry()
    registry.create(JOBS, job())
    assert status_faults(registry, **START, failed=2, conditions=conditions("FailureTarget")) == []
    assert status_faults(registry, startTime="2026-02-02T00:00:00Z", failed=1) == [
        "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition",
        "status.failed: Invalid value: 1: cannot decrease the failed counter",
        'status.startTime: Invalid value: "2026-02-02T00:00:00Z": field is immutable for unsuspended job once set',
    ]


@pytest.mark.parametrize(
    ("obj", "faults"),
    [
        (cron_job(), []),
        (cron_job(timeZone="Europe/Berlin"), []),
        (cron_job(schedule=""), ["spec.schedule: Required value"]),
        (cron_job(schedule="* * *"),
         ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]']),
        (cron_job(schedule="TZ=UTC * * * * *"),
         ['spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field'
          " instead"]),
        (cron_job(timeZone="Mars"), ['spec.timeZone: Invalid value: "Mars": unknown time zone Mars']),
        (cron_job(timeZone="../x"), ['spec.timeZone: Invalid value: "../x": unknown time zone ../x']),
        (cron_job(timeZone=""), ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']),
        (cron_job(timeZone="Local"),
         ['spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in'
          " https://www.iana.org/time-zones"]),
        (cron_job(concurrencyPolicy="Never"),
         ['spec.concurrencyPolicy: Unsupported value: "Never": supported values: "Allow", "Forbid", "Replace"']),
        (cron_job(startingDeadlineSeconds=-1),
         ["spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"]),
        (cron_job(job_spec={"manualSelector": True}),
         ['spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"']),
        (cron_job(job_spec={"template": template(restartPolicy="Always")}),
         ['spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']),
        (cron_job("c" * 53), [f'metadata.name: Invalid value: "{"c" * 53}": must be no more than 52 characters']),
    ],
)  # fmt: skip
def test_a_cron_job_is_refused_in_kubernetes_words(obj: JSON, faults: list[str]) -> None:
    assert faults_of(CRONJOBS, obj) == faults


def test_a_cron_job_gets_defaults_and_its_template_those_of_pods_only() -> None:
    spec = new_registry().create(CRONJOBS, cron_job())["spec"]
    limits = [spec[each] for each in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit")]
    assert (spec["concurrencyPolicy"], spec["suspend"], limits) == ("Allow", False, [3, 1])
    assert spec["jobTemplate"]["spec"].keys() == {"template"}
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"


def test_the_name_of_an_indexed_job_must_leave_room_for_its_pods() -> None:
    long = job(**INDEXED)
    long["metadata"]["name"] = "j" * 62
    assert faults_of(JOBS, long) == [
        f'metadata.name: Invalid value: "{"j" * 62}": will not able to create pod with invalid DNS label: {"j" * 62}-2'
    ]


def test_a_selector_that_may_not_change_is_shown_with_its_labels_in_order() -> None:
    registry = new_registry()
    uid = registry.create(JOBS, job())["metadata"]["uid"]
    label = "batch.kubernetes.io/controller-uid"
    faults = changed(registry, selector={"matchLabels": {label: uid, "a": "b"}})
    shown = f'{{"matchLabels":{{"a":"b","{label}":"{uid}"}}}}'
    assert faults[-1] == f"spec.selector: Invalid value: {shown}: field is immutable"
