"""What a Job's policies make of its pods: which failures count or end it, and which successes are enough. Pure.

Follows k8s.io/kubernetes ``pkg/controller/job/{pod_failure_policy,success_policy}.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.jobspec.indexes import Indexes, read_indexes
from kubeapi.meta import JSON, key_of
from kubeapi.objects.parts import list_at, map_at


class FailureMatch(NamedTuple):
    """What the first matching rule says of a failed pod.

    ``action`` is "" without a match; ``is_counted``: the failure counts for the limits; ``message`` says why the whole
    Job fails, "" if it does not.
    """

    action: str = ""
    is_counted: bool = True
    message: str = ""


def match_failure_policy(rules: Sequence[JSON], pod: JSON) -> FailureMatch:
    """Return what the rules of a podFailurePolicy say of a failed pod."""
    for index, rule in enumerate(rules):
        reason = _exit_reason(rule, pod) if rule.get("onExitCodes") is not None else _condition_reason(rule, pod)
        action = rule.get("action", "")
        if not reason:
            continue
        if action == "FailJob":
            return FailureMatch(action, message=f"{reason} matching {action} rule at index {index}")
        return FailureMatch(action, is_counted=action != "Ignore")
    return FailureMatch()


def _exit_reason(rule: JSON, pod: JSON) -> str:
    """Return which container's exit code matches, "" if none does."""
    requirement = rule["onExitCodes"]
    name, codes, is_in = (
        requirement.get("containerName"),
        list_at(requirement, "values"),
        requirement["operator"] == "In",
    )
    for field in ("containerStatuses", "initContainerStatuses"):
        for status in list_at(pod, "status", field):
            code = map_at(status, "state", "terminated").get("exitCode", 0)
            if code and name in (None, status.get("name")) and (code in codes) == is_in:
                return f"Container {status.get('name')} for pod {key_of(pod)} failed with exit code {code}"
    return ""


def _condition_reason(rule: JSON, pod: JSON) -> str:
    """Return which condition of a pod matches, "" if none does."""
    wanted = {(each.get("type"), each.get("status")) for each in list_at(rule, "onPodConditions")}
    for condition in list_at(pod, "status", "conditions"):
        if (condition.get("type"), condition.get("status")) in wanted:
            return f"Pod {key_of(pod)} has condition {condition['type']}"
    return ""


def match_success_policy(rules: Sequence[JSON], completions: int, succeeded: Indexes) -> str:
    """Return which rule of a successPolicy is met by the indexes that have succeeded, "" if none is."""
    if not succeeded.intervals:
        return ""
    for index, rule in enumerate(rules):
        count = rule.get("succeededCount")
        if "succeededIndexes" in rule:
            wanted = read_indexes(rule["succeededIndexes"], completions)
            has = wanted.common(succeeded)
            is_met = bool(wanted.intervals) and (has == wanted.total or (count is not None and has >= count))
        else:
            is_met = count is not None and succeeded.total >= count
        if is_met:
            return f"Matched rules at index {index}"
    return ""
