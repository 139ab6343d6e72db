"""What the spec of a Job, or of a CronJob's template, must be (pkg/apis/batch/validation validateJobSpec)."""

from __future__ import annotations

import re

from kubeapi.jobspec.policies import INDEXED, validate_failure_policy, validate_replacement, validate_success_policy
from kubeapi.meta import JSON, matches_selector
from kubeapi.objects.parts import map_at
from kubeapi.podspec.workload import NO_LABELS, validate_template
from kubeapi.validation.faults import Faults, each_invalid, invalid, not_negative, required, too_long, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_subdomain

NOT_NEGATIVE = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_MODES = ("NonIndexed", INDEXED)
_MOST_PARALLEL = _MOST_FAILED = 100_000
_MANY_COMPLETIONS, _MOST_OF_MANY = 100_000, 10_000
_LONGEST_MANAGER = 63
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_RESTART_POLICIES = ("OnFailure", "Never")


def validate_job_spec(spec: JSON, path: str) -> Faults:
    """Yield the faults that Jobs and templates of Jobs have alike: all but those of the selector."""
    for field in NOT_NEGATIVE:
        yield from not_negative(f"{path}.{field}", spec.get(field))
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if "managedBy" in spec:
        yield from _validate_manager(spec["managedBy"], f"{path}.managedBy")
    yield from _validate_mode(spec, path)
    if "podFailurePolicy" in spec:
        yield from validate_failure_policy(spec, f"{path}.podFailurePolicy")
    if "successPolicy" in spec:
        yield from validate_success_policy(spec, f"{path}.successPolicy")
    yield from validate_replacement(spec, f"{path}.podReplacementPolicy")
    yield from validate_template(spec["template"], f"{path}.template")
    yield from _validate_restart_policy(spec, f"{path}.template.spec.restartPolicy")


def validate_job_selector(spec: JSON, path: str) -> Faults:
    """Yield the faults of a Job's selector, which is generated unless manualSelector is set."""
    selector = spec.get("selector")
    if selector is None:
        yield required(f"{path}.selector")
    else:
        yield from validate_selector(selector, f"{path}.selector")
    labels: dict[str, str] = map_at(spec, "template", "metadata", "labels")
    if selector is None or not matches_selector(selector, labels):
        yield invalid(
            f"{path}.template.metadata.labels", labels or NO_LABELS, "`selector` does not match template `labels`"
        )


def _validate_manager(manager: str, path: str) -> Faults:
    """Yield the faults of managedBy, a domain-prefixed path (IsDomainPrefixedPath)."""
    host, slash, rest = manager.partition("/")
    if not manager:
        yield required(path)
    elif not slash or not host or not rest:
        yield invalid(path, manager, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        yield from each_invalid(path, host, dns1123_subdomain(host))
        if not re.fullmatch(_PATH, rest):
            yield invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")
    if len(manager) > _LONGEST_MANAGER:
        yield too_long(path, _LONGEST_MANAGER)


def _validate_mode(spec: JSON, path: str) -> Faults:
    """Yield the faults of the completion mode, and of what only an Indexed Job has."""
    mode = spec.get("completionMode")
    if mode is not None and mode not in _MODES:
        yield unsupported(f"{path}.completionMode", mode, _MODES)
    if mode == INDEXED:
        yield from _validate_indexed(spec, path)
    elif mode is None or mode == "NonIndexed":
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if field in spec:
                yield invalid(f"{path}.{field}", spec[field], "requires indexed completion mode")


def _validate_indexed(spec: JSON, path: str) -> Faults:
    completions, parallelism, failed = (spec.get(each) for each in ("completions", "parallelism", "maxFailedIndexes"))
    most = "must be less than or equal to"
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism is not None and parallelism > _MOST_PARALLEL:
        yield invalid(f"{path}.parallelism", parallelism, f"{most} {_MOST_PARALLEL} when completion mode is Indexed")
    if failed is not None and completions is not None and failed > completions:
        yield invalid(f"{path}.maxFailedIndexes", failed, f"{most} completions")
    if failed is not None and failed > _MOST_FAILED:
        yield invalid(f"{path}.maxFailedIndexes", failed, f"{most} {_MOST_FAILED}")
    if completions is not None and completions > _MANY_COMPLETIONS and "backoffLimitPerIndex" in spec:
        when = f"when completions are above {_MANY_COMPLETIONS} and used with backoff limit per index"
        if failed is None:
            detail = f"must be specified when completions is above {_MANY_COMPLETIONS}"
            yield required(f"{path}.maxFailedIndexes", detail)
        for field, value in (("parallelism", parallelism), ("maxFailedIndexes", failed)):
            if value is not None and value > _MOST_OF_MANY:
                yield invalid(f"{path}.{field}", value, f"{most} {_MOST_OF_MANY} {when}")


def _validate_restart_policy(spec: JSON, path: str) -> Faults:
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy in (None, "", "Always"):
        yield required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in _RESTART_POLICIES:
        yield unsupported(path, policy, _RESTART_POLICIES)
    elif "podFailurePolicy" in spec and policy != "Never":
        yield invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')
