"""A client of the API server inside a pod, as client-go's ``rest.InClusterConfig`` sets it up. It blocks."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kubehost.addresses import join_host_port

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECONDS = 30.0


class InClusterError(Exception):
    """The pod has no access, or the server has refused a request; the text says why."""


class Access(NamedTuple):
    """What a pod's client needs: the server's URL, its own token, and the file of the cluster's authority."""

    server: str
    token: str
    authority: Path

    def get(self, path: str) -> Mapping[str, Any]:
        """Return the document at a path of the API server; InClusterError, OSError, http.client.HTTPException."""
        return get_document(f"{self.server}{path}", ssl.create_default_context(cafile=self.authority), self.token)


def in_cluster(environment: Mapping[str, str]) -> Access:
    """Return the access of this pod's account; InClusterError, OSError."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise InClusterError(
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be "
            "defined"
        )
    return Access(f"https://{join_host_port(host, int(port))}", (ACCOUNT / "token").read_text(), ACCOUNT / "ca.crt")


def get_document(url: str, context: ssl.SSLContext, bearer: str) -> Mapping[str, Any]:
    """Return the JSON object at a URL; InClusterError, OSError, http.client.HTTPException."""
    split = urlsplit(url)
    connection = http.client.HTTPSConnection(split.netloc, timeout=SECONDS, context=context)
    try:
        connection.request("GET", split.path, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise InClusterError(f"{answer.status} {answer.reason}: {body.decode(errors='replace')}")
    try:
        found: Mapping[str, Any] = json.loads(body)
    except ValueError as error:
        raise InClusterError(f"the answer is no JSON: {error}") from None
    return found
