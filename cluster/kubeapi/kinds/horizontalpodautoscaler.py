"""HorizontalPodAutoscaler (k8s.io/api autoscaling/v2)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS

KIND = Kind(
    resource=HORIZONTALPODAUTOSCALERS,
    categories=("all",),
    subresources=(STATUS,),
)
