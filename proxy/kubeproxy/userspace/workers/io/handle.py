"""The proxy's end of one worker process: starts it, starts another when it has died, and asks it questions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Mapping, Sequence
from socket import SocketType
from typing import Any, NamedTuple, Protocol

from kubeproxy.plane import PlaneError
from kubeproxy.telemetry.counters import Counted
from kubeproxy.userspace.workers.io.channel import Channel
from kubeproxy.userspace.workers.messages import Answer, Ask, Question

END_SECONDS = 3.0
"""How long a worker may take to end, before it is killed."""

ANSWER_SECONDS = 5.0
"""Seconds to wait for a worker's answer before going on without it."""

RESTART_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a worker that died is started again; the last one repeats."""


class Launch(NamedTuple):
    """How each worker is started: with the descriptor of the shared memory, and with environment variables."""

    memory: int
    environment: Mapping[str, str]


class Owner(Protocol):
    """What a handle reports to the owner of all workers, ``Workers``."""

    def begun(self, worker: WorkerHandle) -> None:
        """Send a new process the rules, its sockets and everything else that the one before had."""
        ...

    def received(self, worker: WorkerHandle, message: Any) -> None:
        """Handle a message that answers no question."""
        ...

    def died(self, worker: WorkerHandle) -> None:
        """Remove the numbers of the process that has died from the shared counters."""
        ...


class WorkerHandle:
    """Worker number ``place``; ``process`` and ``channel`` are None while it has none.

    ``counted`` is what it told last. ``deaths`` counts its processes that ended by themselves, ``cause`` says how the
    last one did. ``is_tried`` is set once the first process has started, or could not.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, place: int, launch: Launch, owner: Owner) -> None:
        self.place = place
        self.process: asyncio.subprocess.Process | None = None
        self.channel: Channel | None = None
        self.is_tried = asyncio.Event()
        self.counted: Counted | None = None
        self.deaths = 0
        self.cause = ""
        self.short_at = float("-inf")
        self._loop = loop
        self._launch = launch
        self._owner = owner
        self._given: SocketType | None = None
        self._asked: dict[int, tuple[Ask, asyncio.Future[Any]]] = {}
        self._questions = 0

    def send(self, message: object, along: SocketType | None = None) -> None:
        """Send a message, and a socket with it; nothing happens while there is no process."""
        if self.channel is not None:
            self.channel.send(message, along)

    def send_for_good(self, message: object, along: SocketType) -> None:
        """Send a message and give its socket away: the copy here is closed with the next one, or with the process."""
        self._close_given()
        self._given = along
        self.send(message, along)

    def _close_given(self) -> None:
        if self._given is not None:
            self._given.close()
            self._given = None

    async def ask(self, question: Question, subject: Any = None, seconds: float | None = ANSWER_SECONDS) -> Any:
        """Return the answer; raise PlaneError after ``seconds``. A question to a worker that died is asked again."""
        self._questions += 1
        ask = Ask(self._questions, question, subject)
        answer = self._loop.create_future()
        self._asked[ask.number] = ask, answer
        self.send(ask)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise PlaneError(f"worker {self.place} of the proxy does not answer") from None
        finally:
            del self._asked[ask.number]

    def describe_deaths(self) -> str:
        """Return how often the worker has died, and how the last time."""
        times = "once" if self.deaths == 1 else f"{self.deaths} times"
        return f"worker {self.place} of the proxy has died {times}, last {self.cause}, and was started again"

    async def keep(self, ending: asyncio.Event) -> None:
        """Run a process, and start another when it has died, until ``ending`` is set."""
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RESTART_SECONDS[min(self.deaths, len(RESTART_SECONDS) - 1)]):
                    await ending.wait()
                    return
            try:
                await self._run(ending)
            except OSError as error:
                self.cause = f"because it could not be started: {error.strerror or error}"
                self.is_tried.set()
            if not ending.is_set():
                self.deaths += 1

    async def _run(self, ending: asyncio.Event) -> None:
        """Run one process from its start to its end."""
        sock = await self._start()
        assert self.process is not None
        self.channel = Channel(self._loop, sock, lambda message, _: self._receive(message), lambda: None)
        if ending.is_set():
            self.channel.close()
        else:
            self._owner.begun(self)
            for ask, _ in self._asked.values():
                self.send(ask)
        self.is_tried.set()
        status = await self.process.wait()
        self.cause = f"by signal {-status}" if status < 0 else f"with status {status}"
        self.channel.close()
        self.channel = self.process = None
        self._close_given()
        self._owner.died(self)

    async def _start(self) -> socket.socket:
        """Start the process; return the socket of its channel."""
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as undo, theirs:
            undo.callback(ours.close)
            descriptors = theirs.fileno(), self._launch.memory
            command = (sys.executable, "-P", "-m", "kubeproxy.userspace.workers", *map(str, descriptors))
            self.process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors,
                env=self._launch.environment,
                start_new_session=True,
            )
            undo.pop_all()
        return ours

    def _receive(self, message: Any) -> None:
        if not isinstance(message, Answer):
            self._owner.received(self, message)
            return
        _, asked = self._asked.get(message.number, (None, None))
        if asked is not None and not asked.done():
            asked.set_result(message.value)


async def ask_all(workers: Sequence[WorkerHandle], question: Question) -> list[Any]:
    """Return every worker's answer, None for one that does not answer."""
    answers = await asyncio.gather(*(each.ask(question) for each in workers), return_exceptions=True)
    for each in answers:
        if isinstance(each, BaseException) and not isinstance(each, PlaneError):
            raise each
    return [None if isinstance(each, BaseException) else each for each in answers]


async def end_all(workers: Sequence[WorkerHandle], keepers: Sequence[asyncio.Task[None]]) -> None:
    """Close the channels, which ends the processes, and kill those that do not end in time."""
    for each in workers:
        if each.channel is not None:
            each.channel.close()
    _, late = await asyncio.wait(keepers, timeout=END_SECONDS)
    for each in workers:
        if each.process is not None and each.process.returncode is None:
            each.process.kill()
    if late:
        await asyncio.wait(late)
