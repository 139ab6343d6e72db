"""The defaults of a Job's spec, in Jobs and in the templates of CronJobs (pkg/apis/batch/v1/defaults.go).

Changes what it is given, which ``decoding.decode`` has made: every field that is there has its schema's type.
"""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.podspec.defaults import set_pod_spec_defaults

NO_BACKOFF_LIMIT = 2**31 - 1
"""backoffLimit of a Job whose indexes have a limit each."""


def set_job_spec_defaults(spec: JSON) -> None:
    """Fill in what a Job and a CronJob's template have alike; ``set_job_defaults`` has the rest."""
    for rule in spec.get("podFailurePolicy", {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    set_pod_spec_defaults(spec.setdefault("template", {}).setdefault("spec", {}))


def set_job_defaults(obj: JSON) -> None:
    """Fill in the spec of a Job, and its labels, which are its template's if it has none (SetDefaults_Job).

    Both are one object then, as in Go: a new Job has the labels that are generated for its template, too.
    """
    spec = obj.setdefault("spec", {})
    set_job_spec_defaults(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", NO_BACKOFF_LIMIT if "backoffLimitPerIndex" in spec else 6)
    labels = spec["template"].get("metadata", {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = labels
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    spec.setdefault("manualSelector", False)
