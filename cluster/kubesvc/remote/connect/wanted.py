"""Which part of which cluster `kubesvc connect` is to show, and what to say if it may not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kubeapi.scheme import ENDPOINTSLICES, PODS, SERVICES, Resource
from kubeapi.status import StatusError
from kubeclient.refusals import FORBIDDEN

NEEDED = (SERVICES, ENDPOINTSLICES)
"""What must be listed. Pods may be."""
_ROLE = (
    f"connect needs list and watch of {SERVICES}, {ENDPOINTSLICES} and, to tell why a pod is not ready, {PODS}, "
    "and get and create of pods/portforward: configs/deploy/connect.yaml has the Role"
)


class Wanted(NamedTuple):
    """``context`` "" is the kubeconfig's current one, ``namespace`` "" the context's; ``selector`` is of Services."""

    kubeconfig: Path | None = None
    context: str = ""
    namespace: str = ""
    is_everywhere: bool = False
    selector: str = ""


class Shown(NamedTuple):
    """What is shown: the remote cluster by its ``context`` and ``server``, ``namespace`` "" for all."""

    context: str
    server: str
    namespace: str
    selector: str

    @property
    def where(self) -> str:
        """The namespace in words."""
        return f'namespace "{self.namespace}"' if self.namespace else "any namespace"

    def refused(self, resource: Resource, error: StatusError) -> str:
        """Return the sentence about a list that the server refuses."""
        said = f'context "{self.context}" ({self.server}): {error.message}'
        if error.code != FORBIDDEN:
            return f"{said}; {resource} cannot be listed"
        hint = "" if self.namespace else "; with a Role in one namespace: -n NAMESPACE instead of -A"
        return f"{said}; {_ROLE}{hint}"

    def no_port_forward(self) -> str:
        """Return the sentence about a user without port-forward."""
        what = "may not create pods/portforward, by which all bytes travel"
        return f'context "{self.context}" ({self.server}): this user {what} in {self.where}; {_ROLE}'

    def nothing(self) -> str:
        """Return the sentence about a cluster without anything to show."""
        labels = f" with the labels {self.selector}" if self.selector else ""
        other = "-n NAMESPACE chooses another, -A shows all" if self.namespace else "is it the right context?"
        return f'context "{self.context}" has no Service{labels} in {self.where}; {other}'

    def read_only(self) -> str:
        """Return why the local API takes no writes: the end of a sentence."""
        return (
            f'mirrors context "{self.context}" ({self.server}) and takes no writes: `kubectl --context {self.context}` '
            "writes there"
        )

    def pods_unknown(self, error: StatusError) -> str:
        """Return the sentence about pods that may not be listed."""
        return f"pods are shown as far as EndpointSlices tell of them: {error.message}"

    def document(self) -> dict[str, str]:
        """Return its part of the status document."""
        return dict(self._asdict())


def access_review(namespace: str) -> Mapping[str, object]:
    """Return the question whether the user may forward ports (SelfSubjectAccessReview)."""
    attributes = {"verb": "create", "resource": PODS.plural, "subresource": "portforward", "namespace": namespace}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
