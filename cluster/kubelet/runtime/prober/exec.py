"""``exec``: a command in the container, which must exit with 0. Follows k8s.io/kubernetes ``pkg/probe/exec``."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from kubeapi.meta import JSON
from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.spec.process import StartError

MAX_OUTPUT = 10 * 1024
"""Bytes of a command's output that are read (the kubelet's ``maxReadLength``)."""


class Exec(NamedTuple):
    """A probe that runs a command in the container: exit status 0 is success."""

    command: tuple[str, ...]

    @classmethod
    def read(cls, action: JSON) -> Exec:
        """Read an ExecAction."""
        return cls(tuple(action.get("command") or ()))

    async def attempt(self, target: ProbeTarget, timeout: float) -> ProbeOutcome:
        """Run the command once; at the time-out it is killed."""
        output = bytearray()

        def collect(_stream: str, chunk: bytes) -> None:
            if len(output) < MAX_OUTPUT:
                output.extend(chunk[: MAX_OUTPUT - len(output)])

        try:
            async with asyncio.timeout(timeout):
                process = await target.runner.start(target.command(self.command), collect)
                try:
                    code = (await process.wait()).code
                finally:
                    process.kill()
        except TimeoutError:
            return ProbeOutcome(False, f'command "{" ".join(self.command)}" timed out')
        except (StartError, OSError) as error:
            return ProbeOutcome(False, str(error))
        return ProbeOutcome(code == 0, output.decode(errors="replace").strip())
