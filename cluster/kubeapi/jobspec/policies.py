"""What the policies in a Job's spec must be: of failed pods, of success, of replacement (pkg/apis/batch/validation)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kubeapi.jobspec.indexes import CountedIndexes, count_indexes
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.status import FieldError
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    go_value,
    invalid,
    not_negative,
    required,
    too_long,
    too_many,
    unsupported,
    without_value,
)
from kubeapi.validation.names import qualified_name

INDEXED = "Indexed"

_MOST_RULES = 20
_MOST_EXIT_CODES = 255
_MOST_PATTERNS = 20
_LONGEST_INDEXES = 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_REPLACEMENTS = ("Failed", "TerminatingOrFailed")


def validate_replacement(spec: JSON, path: str) -> Faults:
    """Yield the fault of podReplacementPolicy, which a podFailurePolicy restricts."""
    policy = spec.get("podReplacementPolicy")
    allowed = ("Failed",) if "podFailurePolicy" in spec else _REPLACEMENTS
    if policy is not None and policy not in allowed:
        yield unsupported(path, policy, allowed)


def validate_failure_policy(spec: JSON, path: str) -> Faults:
    """Yield the faults of podFailurePolicy."""
    rules: Sequence[JSON] = list_at(spec, "podFailurePolicy", "rules")
    if len(rules) > _MOST_RULES:
        yield too_many(f"{path}.rules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        yield from _validate_failure_rule(spec, rule, f"{path}.rules[{index}]")


def _validate_failure_rule(spec: JSON, rule: JSON, path: str) -> Faults:
    yield from _validate_action(spec, rule.get("action", ""), f"{path}.action")
    codes, patterns = rule.get("onExitCodes"), list_at(rule, "onPodConditions")
    if codes is not None:
        yield from _validate_exit_codes(spec, codes, f"{path}.onExitCodes")
    if patterns:
        yield from _validate_patterns(patterns, f"{path}.onPodConditions")
    if codes is not None and patterns:
        yield without_value(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not patterns:
        yield without_value(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _validate_action(spec: JSON, action: str, path: str) -> Faults:
    if not action:
        yield _choice_required(path, _ACTIONS)
    elif action not in _ACTIONS:
        yield unsupported(path, action, _ACTIONS)
    elif action == "FailIndex" and "backoffLimitPerIndex" not in spec:
        yield invalid(path, action, "requires the backoffLimitPerIndex to be set")


def _validate_patterns(patterns: Sequence[JSON], path: str) -> Faults:
    if len(patterns) > _MOST_PATTERNS:
        yield too_many(path, len(patterns), _MOST_PATTERNS)
    for index, pattern in enumerate(patterns):
        kind, status = pattern.get("type", ""), pattern.get("status")
        yield from each_invalid(f"{path}[{index}].type", kind, qualified_name(kind))
        yield from _validate_choice(f"{path}[{index}].status", status, _STATUSES)


def _validate_exit_codes(spec: JSON, requirement: JSON, path: str) -> Faults:
    operator, container = requirement.get("operator"), requirement.get("containerName")
    yield from _validate_choice(f"{path}.operator", operator, _OPERATORS)
    pod = spec["template"]["spec"]
    names = {each.get("name") for field in ("containers", "initContainers") for each in list_at(pod, field)}
    if container is not None and container not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", container, detail)
    yield from _validate_codes(list_at(requirement, "values"), f"{path}.values", operator)


def _validate_codes(codes: Sequence[int], path: str, operator: str | None) -> Faults:
    if not codes:
        yield invalid(path, None, "at least one value is required")
    elif len(codes) > _MOST_EXIT_CODES:
        yield too_many(path, len(codes), _MOST_EXIT_CODES)
    seen: set[int] = set()
    for index, code in enumerate(codes):
        if operator == "In" and code == 0:
            yield invalid(f"{path}[{index}]", code, "must not be 0 for the In operator")
        if code in seen:
            yield duplicate(f"{path}[{index}]", code)
        seen.add(code)
    if any(later < earlier for earlier, later in pairwise(codes)):
        yield invalid(path, list(codes), "must be ordered")


def _validate_choice(path: str, value: str | None, choices: tuple[str, ...]) -> Faults:
    if not value:
        yield _choice_required(path, choices)
    elif value not in choices:
        yield unsupported(path, value, choices)


def _choice_required(path: str, choices: tuple[str, ...]) -> FieldError:
    return required(path, f"valid values: [{' '.join(go_value(each) for each in choices)}]")


def validate_success_policy(spec: JSON, path: str) -> Faults:
    """Yield the faults of successPolicy, which only an Indexed Job may have."""
    policy = spec["successPolicy"]
    if spec.get("completionMode") != INDEXED:
        yield invalid(path, policy, "requires indexed completion mode")
        return
    rules = list_at(policy, "rules")
    if not rules:
        yield required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MOST_RULES:
        yield too_many(f"{path}.rules", len(rules), _MOST_RULES)
    completions = spec.get("completions")
    if completions is not None:  # which is a fault of its own
        for index, rule in enumerate(rules):
            yield from _validate_success_rule(rule, f"{path}.rules[{index}]", completions)


def _validate_success_rule(rule: JSON, path: str, completions: int) -> Faults:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    counted = CountedIndexes(0)
    if indexes is not None:
        if len(indexes) > _LONGEST_INDEXES:
            yield too_long(f"{path}.succeededIndexes", _LONGEST_INDEXES)
        counted = count_indexes(indexes, completions)
        if counted.fault:
            yield invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {counted.fault}")
    if count is None:
        return
    where = f"{path}.succeededCount"
    yield from not_negative(where, count)
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        yield invalid(where, count, detail)
    if indexes is not None and count > counted.total:
        total = f"must be less than or equal to {counted.total}"
        yield invalid(where, count, f"{total} (the number of indexes in the specified succeededIndexes field)")
