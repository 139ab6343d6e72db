"""``agnhost inclusterclient``: asks the API server for /healthz, again and again, with the pod's token of that time.

Follows k8s.io/kubernetes ``test/images/agnhost/inclusterclient``: of the token only a hash is told.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kubelet.servers.agnhost.golog import log
from kubelet.servers.agnhost.incluster import SECONDS, Access, InClusterError, in_cluster

_LINES = {"started": 61, "calling": 81, "status": 84, "error": 85, "header": 99}
"""The lines of main.go that klog names."""


def poll_healthz(options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Ask every ``options["seconds"]``; return the exit code if the pod has no access."""
    _log("I", "started", "started")
    while True:
        try:
            in_cluster(environment)
        except (OSError, InClusterError) as error:
            log(f"err: {error}")
            return 1
        time.sleep(options["seconds"])
        ask(environment)


def ask(environment: Mapping[str, str]) -> None:
    """Ask once, and log it."""
    _log("I", "calling", "calling /healthz")
    said = b""
    try:
        access = in_cluster(environment)
        _log("I", "header", f"authz_header={hashed(access.token)}")
        status, said = _healthz(access)
        problem = "" if status == 200 else f"the server answered {status}"
    except (OSError, InClusterError, http.client.HTTPException) as error:
        problem = str(error)
    if problem:
        _log("E", "status", "status=failed")
        _log("E", "error", f"error checking /healthz: {problem}\n{said.decode(errors='replace')}\n")


def _healthz(access: Access) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=access.authority)
    connection = http.client.HTTPSConnection(urlsplit(access.server).netloc, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/healthz", headers={"Authorization": f"Bearer {access.token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def hashed(token: str) -> str:
    """Return the hash by which a token is told from another one."""
    digest = hashlib.sha256(f"salt|Bearer {token}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _log(level: str, line: str, text: str) -> None:
    now = time.time()
    stamp = f"{time.strftime('%m%d %H:%M:%S', time.localtime(now))}.{int(now % 1 * 1_000_000):06}"
    sys.stderr.write(f"{level}{stamp} {os.getpid():7} main.go:{_LINES[line]}] {text}\n")
    sys.stderr.flush()
