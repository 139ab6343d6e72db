"""A runner of built-in servers on an address of their own."""

from __future__ import annotations

import asyncio

from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost
from kubelet.process.output import OutputSink, discard
from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.spec.process import ProcessSpec

ADDRESS = "127.246.10.1"


def moved_port(port: int) -> int:
    """Return the port that an ordinary user binds in place of one below 1024."""
    return port + 10000 if port < 1024 else port


class BuiltinHost:
    """A runner and the built-ins that it has started; ``address`` "" is all addresses."""

    def __init__(self, runner: ProcessRunner, address: str = ADDRESS) -> None:
        self.runner = runner
        self._address = address

    async def serve(
        self,
        name: str,
        *arguments: str,
        sink: OutputSink = discard,
        env: dict[str, str] | None = None,
        served: tuple[str, ...] = (),
    ) -> RunningProcess:
        """Start a built-in; StartError."""
        environment = {"HOSTNAME": "web-1", **(env or {})}
        plan = plan_builtin(name, arguments, ServerHost(moved_port, served=served), environment)
        return await self.runner.start(ProcessSpec(environment=environment, builtin=plan, address=self._address), sink)

    async def run(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a command of agnhost to its end; return its exit code and its output."""
        output = bytearray()
        process = await self.serve("agnhost", *arguments, sink=lambda _, chunk: output.extend(chunk), env=env)
        return (await process.wait()).code, output.decode(errors="surrogateescape")


async def send(raw: str, port: int, address: str = ADDRESS) -> str:
    """Send bytes over one TCP connection and return all that comes back."""
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(raw.encode("latin-1"))
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def get(path: str, port: int = 8080, headers: str = "", address: str = ADDRESS) -> tuple[int, str]:
    """Return the status and the body of one HTTP answer."""
    answer = await send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n", port, address)
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body
