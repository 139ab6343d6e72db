"""ClusterTrustBundle (k8s.io/api certificates/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import CLUSTERTRUSTBUNDLES
from kubeapi.validation.admission import without_effect

KIND = Kind(
    resource=CLUSTERTRUSTBUNDLES,
    desired_state=content_of,
    warnings=without_effect("hands no certificates to pods"),
)
