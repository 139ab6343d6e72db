"""CronJob (pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation, pkg/registry/batch/cronjob/strategy.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeapi.jobspec.defaults import set_job_spec_defaults
from kubeapi.jobspec.schedule import ScheduleError, load_zone, parse_schedule
from kubeapi.jobspec.validation import validate_job_spec
from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.podspec.warnings.combined import added_warnings
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import CRONJOBS
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, invalid, not_negative, required, unsupported
from kubeapi.validation.metadata import go_selector
from kubeapi.validation.warnings import host_name_warnings, verbatim

_POD_SPEC = ("spec", "jobTemplate", "spec", "template", "spec")
_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52
"""A Job's name has 63 characters, of which a dash and the minute take eleven."""
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_DOCUMENTATION = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    set_job_spec_defaults(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {}


def _validate(obj: JSON) -> Faults:
    """Yield the faults of a CronJob but those of its metadata, schedule and time zone."""
    spec = obj["spec"]
    yield from not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if spec["concurrencyPolicy"] not in _POLICIES:
        yield unsupported("spec.concurrencyPolicy", spec["concurrencyPolicy"], _POLICIES)
    job = spec["jobTemplate"]["spec"]
    yield from validate_job_spec(job, "spec.jobTemplate.spec")
    if "selector" in job:
        yield invalid(
            "spec.jobTemplate.spec.selector", go_selector(job["selector"]), "`selector` will be auto-generated"
        )
    if job.get("manualSelector"):
        yield unsupported("spec.jobTemplate.spec.manualSelector", value=True, supported=("nil", "false"))
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from not_negative(f"spec.{field}", spec.get(field))


def _validate_create(obj: JSON) -> Faults:
    """Yield also what an old CronJob may keep: its long name."""
    yield from _validate_schedule(obj["spec"], may_have_zone=False)
    yield from _validate_zone(obj["spec"].get("timeZone"))
    name = obj["metadata"].get("name", "")
    if len(name) > _LONGEST_NAME:
        yield invalid("metadata.name", name, "must be no more than 52 characters")


def _validate_update(new: JSON, old: JSON) -> Faults:
    yield from _validate_schedule(new["spec"], may_have_zone="TZ" in old["spec"].get("schedule", ""))
    if new["spec"].get("timeZone") != old["spec"].get("timeZone"):
        yield from _validate_zone(new["spec"].get("timeZone"))


def _validate_schedule(spec: JSON, *, may_have_zone: bool) -> Faults:
    schedule, path = spec.get("schedule", ""), "spec.schedule"
    if not schedule:
        yield required(path)
        return
    try:
        parse_schedule(schedule)
    except ScheduleError as error:
        yield invalid(path, schedule, str(error))
    if "TZ" in schedule and not may_have_zone:
        yield invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif "TZ" in schedule and "timeZone" in spec:
        yield invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")


def _validate_zone(zone: str | None) -> Faults:
    path = "spec.timeZone"
    if zone is None:
        return
    if not zone:
        yield invalid(path, zone, "timeZone must be nil or non-empty string")
        return
    parts = zone.split("/")
    if any(each in (".", "..") or each.startswith("-") or not _ZONE_PART.fullmatch(each) for each in parts):
        yield invalid(path, zone, f"unknown time zone {zone}")
        return
    if zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid(path, zone, detail)
        if zone == "Local":  # which Go can load
            return
    try:
        load_zone(zone)
    except ScheduleError as error:
        yield invalid(path, zone, str(error))


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    yield from host_name_warnings(before, after)
    yield from added_warnings(before, after, config, _POD_SPEC)
    if before is not None and "TZ" in after["spec"].get("schedule", ""):
        # The doubled "spec" is Kubernetes' own.
        text = f"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see {_DOCUMENTATION}"
        yield verbatim("spec.schedule", f"{text} for more details")


KIND = Kind(
    resource=CRONJOBS,
    categories=("all",),
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=lambda obj: obj["spec"],
    validate=_validate,
    validate_create=_validate_create,
    validate_update=_validate_update,
    warnings=_warnings,
    apply_rank=80,
    pod_spec=_POD_SPEC,
    requires_spec=True,
)
