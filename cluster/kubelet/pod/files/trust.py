"""The certificates that a ``clusterTrustBundle`` of a projected volume gives to a pod. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/clustertrustbundle``; unlike there the order is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubeapi.meta import JSON, ObjectKey, matches_selector
from kubeapi.serialization.pem import certificate_block, read_blocks


class TrustError(Exception):
    """There is no such bundle (yet); the text is the kubelet's."""


def trust_anchors(source: JSON, bundles: Mapping[ObjectKey, JSON]) -> str:
    """Return the certificates of the bundles that the source names or selects, each once; TrustError."""
    found = {
        block.content for bundle in _chosen(source, bundles) for block in read_blocks(bundle["spec"]["trustBundle"])
    }
    return "".join(map(certificate_block, sorted(found)))


def _chosen(source: JSON, bundles: Mapping[ObjectKey, JSON]) -> list[JSON]:
    is_optional, name, signer = source.get("optional"), source.get("name"), source.get("signerName")
    if name is not None:
        named = bundles.get(ObjectKey("", name))
        if named is None and not is_optional:
            raise TrustError(
                f'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "{name}" not found'
            )
        return [named] if named is not None else []
    if signer is None:
        raise TrustError("ClusterTrustBundle projection requires either name or signerName to be set")
    selector = source.get("labelSelector")
    # No selector selects nothing, an empty one everything.
    found = [
        each
        for each in bundles.values()
        if selector is not None
        and each["spec"].get("signerName") == signer
        and matches_selector(selector, each["metadata"].get("labels", {}))
    ]
    if not found and not is_optional:
        raise TrustError("combination of signerName and labelSelector matched zero ClusterTrustBundles")
    return found
