"""The certificates of a pod: the request for one, what has become of it, and when it is renewed. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/podcertificate``.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from kubeapi.meta import JSON, parse_time
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.parts import status_of
from kubeapi.serialization.pem import certificate_block, read_blocks

ABANDONED_SECONDS = 600.0
"""After this time a request that is not there counts as deleted (assumeDeletedThreshold)."""
NOT_ISSUED = "credential bundle is not issued yet"


class Requested(NamedTuple):
    """A key, in PEM, and the name of the request for its certificate, which was made at ``at``."""

    key: bytes
    request: str
    at: float


class Issued(NamedTuple):
    """A key and its certificates, both in PEM; from ``renewed_at`` on, another pair is asked for."""

    key: bytes
    chain: bytes
    renewed_at: float


class Refused(NamedTuple):
    """There will be no certificate: the ``reason`` of an event and its text, and that of the volume."""

    reason: str
    event: str
    text: str


class Bearer(NamedTuple):
    """The objects that a request names beside the pod."""

    account: JSON
    node: JSON


def request_of(pod: JSON, bearer: Bearer, source: JSON, proof: bytes) -> JSON:
    """Return a PodCertificateRequest for a ``podCertificate`` of a pod; ``proof`` is the request of its key (DER)."""
    metadata, account, node = pod["metadata"], bearer.account["metadata"], bearer.node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    spec = {
        "signerName": source["signerName"],
        "podName": metadata["name"],
        "podUID": metadata["uid"],
        "serviceAccountName": account["name"],
        "serviceAccountUID": account["uid"],
        "nodeName": node["name"],
        "nodeUID": node["uid"],
        "stubPKCS10Request": base64.b64encode(proof).decode(),
    }
    optional = {
        "maxExpirationSeconds": source.get("maxExpirationSeconds"),
        "unverifiedUserAnnotations": source.get("userAnnotations"),
    }
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "PodCertificateRequest",
        "metadata": {"namespace": metadata["namespace"], "generateName": "req-", "ownerReferences": [owner]},
        "spec": spec | {name: value for name, value in optional.items() if value is not None},
    }


def ending_of(requested: Requested, request: JSON, jitter: float) -> Issued | Refused | None:
    """Return what has become of a request, None as long as nobody has decided.

    ``jitter`` are seconds by which the renewal is later than the signer asks for.
    """
    name = f"{request['metadata']['namespace']}/{request['metadata']['name']}"
    for kind, verb in (("Denied", "was denied"), ("Failed", "failed")):
        if (found := find_condition(request, kind)) is not None:
            why = f'reason="{found.get("reason", "")}", message="{found.get("message", "")}"'
            event = f"PodCertificateRequest {name} {verb}, {why}"
            text = f"PodCertificateRequest was permanently {kind.lower()}: {why.replace(', ', ' ')}"
            return Refused(kind, event, text)
    if not is_condition_true(request, "Issued"):
        return None
    status = status_of(request)
    chain = "".join(certificate_block(each.content) for each in read_blocks(status["certificateChain"]))
    return Issued(requested.key, chain.encode(), parse_time(status["beginRefreshAt"]) + jitter)
