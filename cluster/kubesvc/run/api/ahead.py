"""The first certificates of a cluster, which a child makes while this process imports the parts of the cluster.

That is a tenth of the CPU of a start, most of it to import `cryptography`, which then stays out of this process.
"""

from __future__ import annotations

import contextlib
import os

from kubesvc.run.api.identity import ClusterIdentity


class CertificateMaker:
    """A child that makes the certificates of a cluster's API server. Only a process with one thread may have one.

    If it fails, they are made where they are asked for, and the reason shows there.
    """

    def __init__(self, identity: ClusterIdentity) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            _make(identity)

    def wait(self) -> None:
        """Return when the child has ended."""
        with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored, children leave nothing
            os.waitpid(self._pid, 0)


def certificate_maker(identity: ClusterIdentity) -> CertificateMaker | None:
    """Have the certificates made, unless there is one."""
    return None if identity.has_certificate else CertificateMaker(identity)


def _make(identity: ClusterIdentity) -> None:
    """Make the certificates and exit; whatever happens, the parent's code must not continue in the child."""
    status = 1
    try:
        _ = identity.certificate, identity.proxy_certificate
        status = 0
    finally:
        os._exit(status)
