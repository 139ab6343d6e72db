"""Outlier detection: endpoints that fail are ejected for a while, around any algorithm."""

from __future__ import annotations

from kubeproxy.balancers.outliers.detection import OUTLIER_OPTIONS, OutlierDetection

__all__ = ["OUTLIER_OPTIONS", "OutlierDetection"]
