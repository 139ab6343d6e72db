"""The pods' way to the internet: a pasta for each network of the cluster, as long as that is there.

Where it cannot be, nothing leads out of the cluster's network, and the kernel refuses a pod's connection at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from kubehost.io.places import Place
from kubelet.spec.process import ProcessSpec, StartError
from kubesvc.network.pasta import is_confinement, pasta_command, pasta_error

if TYPE_CHECKING:
    from kubelet.process.runner import ProcessRunner

RETRY_SECONDS = 10.0
"""Pause before another attempt, unless the network is made again before."""
_LAST_WORDS = 500
"""Characters of what pasta wrote last."""


class Internet:
    """``keep`` runs until it is cancelled; ``renewed`` is set whenever the network of ``place`` is another one.

    ``error`` says why pods do not reach the internet, "" if nothing is known to be in the way.
    """

    error: str

    def __init__(self, runner: ProcessRunner, place: Place, renewed: asyncio.Event) -> None:
        self.error = pasta_error()
        self._runner = runner
        self._place = place
        self._renewed = renewed
        self._said = ""
        self._is_confined = False

    async def keep(self) -> None:
        """Have a pasta in each network."""
        if self.error:  # it takes another start: the machine is set up before
            return
        while True:
            self._renewed.clear()
            self._said = self.error = ""
            try:
                await self._connect()
            except (StartError, OSError) as error:
                self.error = str(error)
                if not self._is_confined and is_confinement(self._said):
                    self._is_confined = True
                    continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._renewed.wait()

    async def _connect(self) -> None:
        """Serve the network of now until there is another; StartError, OSError, also if pasta ends before."""
        self._translate()
        process = await self._runner.start(self._spec(), self._note)
        renewed = asyncio.create_task(self._renewed.wait(), name="internet: network")
        ended = asyncio.create_task(process.wait(), name="internet: pasta")
        try:
            await asyncio.wait((renewed, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            process.kill()
            renewed.cancel()
            ended.cancel()
        if ended.done() and not self._renewed.is_set():
            raise OSError(f"pasta has ended: {' '.join(self._said.split())}")

    def _spec(self) -> ProcessSpec:
        # Its PATH alone: pasta has no use for the user's variables.
        command = pasta_command(self._runner.agent_pid, is_confined=self._is_confined)
        return ProcessSpec(command, {"PATH": os.environ.get("PATH", os.defpath)}, title="internet")

    def _translate(self) -> None:
        """Have the pods' packets come from the network's own address outside."""
        # Imported here, because most machines have no pasta.
        from kubeproxy.nft.io.netfilter import FAMILY, KIND, PROTOCOL, NetfilterSocket
        from kubesvc.network.masquerade import masquerading

        sock = NetfilterSocket(self._place.socket(FAMILY, KIND, PROTOCOL))
        try:
            for refusal in sock.transact(list(masquerading())):
                raise refusal.error
        finally:
            sock.close()

    def _note(self, _stream: str, chunk: bytes) -> None:
        self._said = (self._said + chunk.decode(errors="replace"))[-_LAST_WORDS:]
