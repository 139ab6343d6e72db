"""What autoscalers scale: the targets, their scales, and the pods that these select. Reads the Store only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.kinds import KINDS, kind_of, resource_for
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.parts import map_at
from kubeapi.scales import scale_of
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, PODS, Resource
from kubeapi.selectors.parsing import Matches, SelectorError, parse_labels
from kubeapi.validation.faults import go_value
from kubecontroller.autoscaling.observed import Observed
from kubecontroller.autoscaling.sync import Target
from kubecontroller.listers import Listers

NO_SELECTOR = "selector is required"


class _Selector(NamedTuple):
    """A scale's selector, and why it is none, "" if it is one."""

    text: str
    requirements: Sequence[Matches]
    fault: str = ""

    def matches(self, pod: JSON) -> bool:
        return not self.fault and all(each(pod) for each in self.requirements)


class Targets:
    """Finds the targets of autoscalers, of built-in kinds and of custom ones that have the subresource scale."""

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def find(self, autoscaler: JSON) -> Target:
        """Return what an autoscaler scales, or why it cannot."""
        reference = map_at(autoscaler, "spec", "scaleTargetRef")
        version, kind, name = (reference.get(each, "") for each in ("apiVersion", "kind", "name"))
        resource = resource_for(version, kind) or _of_any_version(version, kind)
        resource = resource or self._listers.customs.of_kind(version, kind)
        if resource is None:
            group = version.rpartition("/")[0]
            return Target(fault=f"no matches for kind {go_value(kind)} in group {go_value(group)}")
        if not kind_of(resource).is_scalable:
            return Target(fault="the server could not find the requested resource")
        obj = self._listers.store.find(resource, ObjectKey(autoscaler["metadata"]["namespace"], name))
        if obj is None:
            return Target(fault=f"{resource} {go_value(name)} not found")
        return Target(resource, obj)

    def observe(self, target: Target, namespace: str, now: float) -> Observed:
        """Return what is to be seen of a target and its pods, but for what they use."""
        if target.resource is None or target.obj is None:
            return Observed(0, [], {}, now, namespace=namespace)
        scale, selector = scale_of(target.resource, target.obj), _selector_of(target)
        pods = [each for each in self._listers.store.list(PODS, namespace) if selector.matches(each)]
        return Observed(
            scale["spec"].get("replicas", 0),
            pods,
            {},
            now,
            selector.text,
            self._selecting(pods, namespace),
            namespace=namespace,
            present=scale["status"].get("replicas", 0),
            selector_fault=selector.fault,
        )

    def _selecting(self, pods: Sequence[JSON], namespace: str) -> Sequence[ObjectKey]:
        """Return the autoscalers whose targets select any of these pods."""
        found: list[ObjectKey] = []
        for each in self._listers.store.list(HORIZONTALPODAUTOSCALERS, namespace):
            target = self.find(each)
            if target.obj is not None and any(map(_selector_of(target).matches, pods)):
                found.append(key_of(each))
        return found


def _selector_of(target: Target) -> _Selector:
    assert target.resource is not None and target.obj is not None
    text = scale_of(target.resource, target.obj)["status"].get("selector", "")
    if not text:
        return _Selector(text, (), NO_SELECTOR)
    try:
        return _Selector(text, parse_labels(text))
    except SelectorError as error:
        return _Selector(text, (), f"couldn't convert selector into a corresponding internal selector object: {error}")


def _of_any_version(version: str, kind: str) -> Resource | None:
    """Return the resource of a kind in the group of another version of it (RESTMappings)."""
    group = version.rpartition("/")[0]
    return next((each.resource for each in KINDS if (each.resource.group, each.resource.kind) == (group, kind)), None)
