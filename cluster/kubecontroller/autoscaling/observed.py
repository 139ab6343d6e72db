"""What an autoscaler sees, and what a metric asks of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubeapi.extensions.answers import CustomAsked, CustomValues, ExternalMetric, ExternalValues
from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.custom import CustomMetrics
from kubeapi.metrics.usage import PodUsage


class Observed(NamedTuple):
    """The replicas that a target wants, all its pods, and what they use.

    ``present`` are the replicas that its status counts. ``custom`` has the metrics of custom.metrics.k8s.io, None as
    long as nothing is measured. ``autoscalers`` are all those whose targets select any of the pods, ``selector`` is
    that of this one's target, and ``selector_fault`` why that is none. ``external`` are the values of metrics
    of the type External. ``usage_fault`` is why the server of metrics.k8s.io does not tell what pods use. ``served``
    is what that of custom.metrics.k8s.io says, None if it is the cluster itself.
    """

    replicas: int
    pods: Sequence[JSON]
    usage: Mapping[ObjectKey, PodUsage]
    now: float
    selector: str = ""
    autoscalers: Sequence[ObjectKey] = ()
    namespace: str = ""
    present: int = 0
    custom: CustomMetrics | None = None
    selector_fault: str = ""
    external: Mapping[ExternalMetric, ExternalValues] = {}
    usage_fault: str = ""
    served: Mapping[CustomAsked, CustomValues] | None = None


class Proposal(NamedTuple):
    """The number of replicas that a metric asks for, its name in events, and its status."""

    replicas: int
    name: str
    status: JSON
