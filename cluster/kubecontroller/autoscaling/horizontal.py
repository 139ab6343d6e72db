"""HorizontalPodAutoscalers: as many replicas as CPU, memory, requests and connections ask for.

Pure. It looks every 15 seconds, as long as there is one. Follows k8s.io/kubernetes
``pkg/controller/podautoscaler/horizontal.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.extensions.answers import (
    NO_SERVERS,
    CustomAsked,
    CustomValues,
    ExtensionAnswers,
    ExtensionUsage,
    PodsAsked,
)
from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.custom import GROUP as CUSTOM_GROUP
from kubeapi.metrics.custom import CustomMetrics
from kubeapi.metrics.traffic import TrafficSource
from kubeapi.metrics.usage import GROUP as RESOURCE_GROUP
from kubeapi.metrics.usage import Usage
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, Resource
from kubeapi.serialization.quantity import amount_of
from kubeapi.watching import Delta
from kubecontroller.autoscaling.calculation import TOLERANCE, Tolerance
from kubecontroller.autoscaling.externalmetrics import external_metrics_of
from kubecontroller.autoscaling.normalizing import Memory, Moment, Range, normalize
from kubecontroller.autoscaling.observed import Observed, Proposal
from kubecontroller.autoscaling.podmetrics import MetricError
from kubecontroller.autoscaling.proposals import propose, subject_of
from kubecontroller.autoscaling.servedmetrics import custom_metrics_of
from kubecontroller.autoscaling.sync import Sync, Target
from kubecontroller.autoscaling.targets import NO_SELECTOR, Targets
from kubecontroller.change import NORMAL, Change, Outcome, RecordEvent, Requeue, Scale, UpdateStatus
from kubecontroller.listers import Listers

SYNC_SECONDS = 15.0
"""Pause between two looks (--horizontal-pod-autoscaler-sync-period)."""
MEASURING_SECONDS = 1.5
"""When a look is repeated for which the data plane has no rates yet, as nobody asked just before."""
ASKING_SECONDS = 0.1
"""When a look is repeated for which a metric of an extension API server is asked for; that takes 10 s at the most."""
_MOST_WAITS = 2
"""How often it is, before that is an error."""
_BELOW_LEAST = "Current number of replicas below Spec.MinReplicas"
_MEASURED = frozenset(("Pods", "Object"))
"""The types of metrics for which the data plane is measured."""
_OF_PODS = frozenset(("Resource", "ContainerResource"))
"""Those of what the pods use."""


def reconcile(autoscaler: JSON, target: Target, observed: Observed, memory: Memory) -> list[Change]:
    """Return the writes that an autoscaler needs; ``memory`` is brought up to date."""
    sync = Sync(autoscaler, memory, observed.now)
    if target.resource is None or target.obj is None:
        sync.warn("FailedGetScale", target.fault)
        text = f"the HPA controller was unable to get the target's current scale: {target.fault}"
        sync.set("AbleToScale", "False", "FailedGetScale", text)
        status = {**status_of(autoscaler), "conditions": sync.conditions}
        return [*sync.changes, UpdateStatus(HORIZONTALPODAUTOSCALERS, {**autoscaler, "status": status})]
    text = "the HPA controller was able to get the target's current scale"
    sync.set("AbleToScale", "True", "SucceededGetScale", text)
    current = observed.replicas
    if not memory.asked:
        memory.asked.append(Moment(observed.now, current))
    memory.forget(observed.now)
    desired, reason = _desired(sync, observed)
    if desired is None:
        return [*sync.changes, sync.status(current, status_of(autoscaler).get("desiredReplicas", 0), is_scaled=False)]
    is_scaled = desired != current
    if is_scaled:
        _rescale(sync, target, (current, desired), reason)
    return [*sync.changes, sync.status(current, desired, is_scaled=is_scaled)]


def _desired(sync: Sync, observed: Observed) -> tuple[int | None, str]:
    """Return the number of replicas to set, and why; None if no metric tells it."""
    least, most, current = sync.spec.get("minReplicas", 1), sync.spec["maxReplicas"], observed.replicas
    wakes = current == 0 and sync.has_scaled_to_zero and (least != 0 or sync.sees_other_objects)
    if current == 0 and not wakes:
        text = "scaling is disabled since the replica count of the target is zero"
        sync.set("ScalingActive", "False", "ScalingDisabled", text)
        return 0, ""
    if current > most:
        return most, "Current number of replicas above Spec.MaxReplicas"
    if current < least and not wakes:
        return least, _BELOW_LEAST
    proposal = _proposed(sync, observed)
    if proposal is None:
        return None, ""
    wanted = Range(current, proposal.replicas, least, most)
    found = normalize(wanted, sync.spec.get("behavior"), sync.memory, sync.now)
    sync.set("AbleToScale", "True", *found.stable)
    sync.set("ScalingLimited", str(found.is_limited), *found.limit)
    # Of so few replicas because nothing asks for one, as many as at least.
    replicas = max(found.replicas, least) if wakes else found.replicas
    if proposal.replicas == current:
        return replicas, _BELOW_LEAST if wakes else ""
    is_more = proposal.replicas > current
    return replicas, f"{proposal.name} above target" if is_more else "All metrics below target"


def _proposed(sync: Sync, observed: Observed) -> Proposal | None:
    """Return what the metric asks for that asks for most; None if none can be judged."""
    if observed.selector_fault or len(observed.autoscalers) > 1:
        _set_unselected(sync, observed)
        return None
    proposals, faults = _judged(sync, observed)
    best = max(proposals, key=lambda each: each.replicas, default=None)
    if faults and (best is None or best.replicas < observed.replicas):
        reason, fault, subject = faults[0]
        sync.set("ScalingActive", "False", reason, f"the HPA was unable to compute the replica count: {fault}")
        text = f"invalid metrics ({len(faults)} invalid out of {len(sync.metrics)}), first error is: failed to get"
        sync.warn("FailedComputeMetricsReplicas", f"{text} {subject} metric value: {fault.context}{fault}")
        return None
    if best is not None:
        text = f"the HPA was able to successfully calculate a replica count from {best.name}"
        sync.set("ScalingActive", "True", "ValidMetricFound", text)
    return best


def _judged(sync: Sync, observed: Observed) -> tuple[list[Proposal], list[tuple[str, MetricError, str]]]:
    """Return what the metrics ask for, and of those without a value reason, error and subject."""
    proposals: list[Proposal] = []
    faults: list[tuple[str, MetricError, str]] = []
    tolerance = _tolerance(sync.spec)
    for metric in list_at(sync.spec, "metrics"):
        try:
            proposals.append(propose(metric, observed, tolerance))
            sync.metrics.append(proposals[-1].status)
        except MetricError as error:
            reason = f"FailedGet{metric['type']}Metric"
            sync.warn(reason, str(error))
            faults.append((reason, error, subject_of(metric)))
            # As Kubernetes leaves a metric of which it knows nothing.
            sync.metrics.append({"type": ""})
    return proposals, faults


def _set_unselected(sync: Sync, observed: Observed) -> None:
    """Tell that the scale's selector is none, or that more than one autoscaler would scale the pods."""
    fault, reason = observed.selector_fault, "InvalidSelector"
    shown = "the HPA target's scale is missing a selector" if fault == NO_SELECTOR else fault
    if not fault:
        some = " ".join(f"{{{each.name} {each.namespace}}}" for each in observed.autoscalers[:2])
        fault = f"pods by selector {observed.selector} are controlled by more than one HPA (e.g. [{some}])"
        shown, reason = fault, "AmbiguousSelector"
    sync.warn("SelectorRequired" if fault == NO_SELECTOR else reason, fault)
    sync.set("ScalingActive", "False", reason, shown)
    sync.warn("FailedComputeMetricsReplicas", fault)


def _tolerance(spec: JSON) -> Tolerance:
    shares = (map_at(spec, "behavior", each).get("tolerance") for each in ("scaleDown", "scaleUp"))
    return Tolerance(*(TOLERANCE if each is None else float(amount_of(each)) for each in shares))


def _rescale(sync: Sync, target: Target, replicas: tuple[int, int], reason: str) -> None:
    """Ask for the write of another number of replicas, and remember the change."""
    current, desired = replicas
    assert target.resource is not None and target.obj is not None
    refused = Outcome(sync.obj, "FailedRescale", f"New size: {desired}; reason: {reason}; error: {{error}}")
    sync.changes.append(Scale(target.resource, target.obj, desired, refused))
    sync.changes.append(RecordEvent(sync.obj, NORMAL, "SuccessfulRescale", f"New size: {desired}; reason: {reason}"))
    text = f"the HPA controller was able to update the target scale to {desired}"
    sync.set("AbleToScale", "True", "SucceededRescale", text)
    sync.note_rescale(current, desired)
    if "behavior" in sync.spec:
        moments = sync.memory.up if desired > current else sync.memory.down
        moments.append(Moment(sync.now, abs(desired - current)))


class HorizontalPodAutoscalerController:
    """Runs ``reconcile`` for each autoscaler, every 15 seconds, and remembers what each has asked for."""

    name = "horizontal-pod-autoscaler"
    resource = HORIZONTALPODAUTOSCALERS
    watches = (HORIZONTALPODAUTOSCALERS,)

    def __init__(
        self, listers: Listers, usage: Usage, traffic: TrafficSource, servers: ExtensionAnswers = NO_SERVERS
    ) -> None:
        self._listers = listers
        self._servers = servers
        self._usage, self._traffic = usage, traffic
        self._targets = Targets(listers)
        self._memories: dict[ObjectKey, Memory] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return an autoscaler that is new, or whose spec has changed; its own writes are not looked at."""
        if delta.old is not None and delta.new is not None and delta.old.get("spec") == delta.new.get("spec"):
            return ()
        return [delta.key]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs, and when to look again."""
        autoscaler = self._listers.store.find(HORIZONTALPODAUTOSCALERS, key)
        if autoscaler is None:
            self._memories.pop(key, None)
            return []
        memory = self._memories.setdefault(key, Memory())
        is_measured = self._is_measured(autoscaler)
        traffic = self._traffic() if is_measured else None
        if is_measured and traffic is None and memory.waits < _MOST_WAITS:
            memory.waits += 1
            return [Requeue(MEASURING_SECONDS)]
        memory.waits = 0
        target = self._targets.find(autoscaler)
        custom = CustomMetrics(self._listers.store, traffic) if traffic is not None else None
        observed = self._targets.observe(target, key.namespace, now)._replace(custom=custom)
        asked = self._asked(autoscaler, observed)
        if asked is None:
            return [Requeue(ASKING_SECONDS)]
        return [Requeue(SYNC_SECONDS), *reconcile(autoscaler, target, asked, memory)]

    def _is_measured(self, autoscaler: JSON) -> bool:
        """Tell whether the data plane has to be measured for an autoscaler."""
        types = {each["type"] for each in list_at(autoscaler, "spec", "metrics")}
        return not types.isdisjoint(_MEASURED) and not self._servers.serves(CUSTOM_GROUP)

    def _asked(self, autoscaler: JSON, observed: Observed) -> Observed | None:
        """Return what is observed with what extension API servers say, None while any of them is asked."""
        external = {each: self._servers.external(each) for each in external_metrics_of(autoscaler)}
        served: dict[CustomAsked, CustomValues | None] | None = None
        if self._servers.serves(CUSTOM_GROUP):
            served = {each: self._servers.custom(each) for each in custom_metrics_of(autoscaler, observed)}
        usage = self._used(autoscaler, observed)
        if usage is None or None in external.values() or (served is not None and None in served.values()):
            return None
        return observed._replace(
            external={each: found for each, found in external.items() if found is not None},
            served=None if served is None else {each: found for each, found in served.items() if found is not None},
            usage=usage.pods,
            usage_fault=usage.fault,
        )

    def _used(self, autoscaler: JSON, observed: Observed) -> ExtensionUsage | None:
        """Return what the pods use, as the server of metrics.k8s.io says; None while it is asked."""
        if not observed.pods or all(each["type"] not in _OF_PODS for each in list_at(autoscaler, "spec", "metrics")):
            return ExtensionUsage()
        if self._servers.serves(RESOURCE_GROUP):
            return self._servers.usage(PodsAsked(observed.namespace, observed.selector))
        return ExtensionUsage(self._usage())
