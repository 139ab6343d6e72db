"""What the zygote does as the agent of a cluster's sandboxes: it makes them, and forks containers into them.

Nothing here waits for anybody: neither for the kubelet nor for a client of the socket service.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
from collections.abc import Mapping
from typing import Any

from kubehost import openfiles
from kubehost.io.namespaces import NEWCGROUP, unshare
from kubelet.sandbox.io.privileges import PrivilegeError, restrict
from kubelet.sandbox.io.rootfs import build
from kubelet.sandbox.io.sandboxes import Sandboxes
from kubelet.sandbox.io.sockets import SocketService
from kubelet.sandbox.io.sources import RootError
from kubelet.spec.sandbox import ClusterNetwork, Mount, NodeNetwork, Root, SandboxSpec
from kubelet.spec.server import ServerError


class Agent:
    """``_processes`` has a pidfd of each process that was forked, by its identity, until it has ended."""

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._usual_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        openfiles.raise_limit()
        self._sandboxes: Sandboxes | None = None
        self._sockets: SocketService | None = None
        self._processes: dict[str, int] = {}

    def answer(self, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any] | None:
        """Do what a message asks for, and return the answer, None if there is none; the caller closes descriptors."""
        try:
            match message["op"]:
                case "network":
                    self._open(_cluster_network(message["network"]))
                    return {"op": "ready"}
                case "sockets":
                    if self._sockets is not None:
                        self._sockets.add(socket.socket(fileno=os.dup(descriptors[0])))
                    return None
                case "sandbox":
                    self._opened().make(_sandbox(message["sandbox"]))
                case "remove":
                    self._remove(message["id"])
                    return None
        except Exception as error:  # one pod's bad request must not end the whole cluster
            text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            return {"op": "refused", "id": message.get("id", ""), "message": text}
        return {"op": "made", "id": message["id"]}

    def serve_sockets(self, ready: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Serve the channels of the socket service among the descriptors that are ready; return the other ones.

        A channel may be closed by that, and its number be another file's soon.
        """
        if self._sockets is None:
            return ready
        channels = {descriptor for descriptor, _ in ready if descriptor in self._sockets}
        for descriptor in channels:
            if descriptor in self._sockets:  # serving another one may have closed it
                self._sockets.serve(descriptor)
        return [each for each in ready if each[0] not in channels]

    def fork(self, message: Mapping[str, Any]) -> int:
        """Fork for a ``start`` message; returns the pid, 0 in the child. OSError."""
        if not message["sandbox"]:
            pid = os.fork()
        elif not message["processes_of"]:
            pid = self._opened().fork()
        else:
            try:
                pid = self._opened().fork(self._processes[message["processes_of"]])
            except (KeyError, ProcessLookupError):
                raise ProcessLookupError(errno.ESRCH, "the container has ended") from None
        if pid:
            try:
                self._processes[message["id"]] = os.pidfd_open(pid)
            except OSError:
                os.kill(pid, signal.SIGKILL)
                raise
        return pid

    def pidfds(self, identity: str) -> list[int]:
        """Return a new pidfd of a process that was forked, which may have ended since."""
        return [os.dup(self._processes[identity])]

    def enter(self, message: Mapping[str, Any]) -> None:
        """Take this process, the child of ``fork``, to its namespaces, and make its file system. ServerError."""
        resource.setrlimit(resource.RLIMIT_NOFILE, self._usual_files)
        if not message["sandbox"]:
            return
        try:
            if message["cgroup"]:
                unshare(NEWCGROUP)  # its own control group is the root of those that it sees
            if message["is_command"]:
                self._opened().join(self._processes[message["container"]])
                return
            sandbox = self._opened().find(message["sandbox"])
            if sandbox is None:
                raise ServerError("the pod has no sandbox")
            self._opened().enter(sandbox)
            self._build(_root(message["root"]), is_builtin=bool(message["builtin"]))
        except OSError as error:
            raise ServerError(f"namespaces: {error.strerror or error}") from error
        except RootError as error:
            raise ServerError(str(error)) from error

    @staticmethod
    def _build(root: Root, *, is_builtin: bool) -> None:
        """Make the file system; RootError, OSError.

        A built-in server stays the process that was forked here, and keeps all memory that it has touched: a helper in
        the same mount namespace does it for that, which saves 0.5 MiB in each.
        """
        if not is_builtin:
            build(root)
            return
        said, say = os.pipe2(os.O_CLOEXEC)
        helper = os.fork()
        if helper == 0:
            try:
                build(root)
            except Exception as error:
                os.write(say, (str(error) or type(error).__name__).encode())
            finally:
                os._exit(0)
        os.close(say)
        refusal = os.read(said, 4096).decode(errors="replace")
        os.close(said)
        os.waitpid(helper, 0)
        if refusal:
            raise RootError(refusal)

    @staticmethod
    def restrict(message: Mapping[str, Any]) -> None:
        """Give this process, which is in its sandbox, its user and privileges. ServerError."""
        if message["sandbox"]:
            try:
                restrict(_root(message["root"]))
            except PrivilegeError as error:
                raise ServerError(str(error)) from error

    def ended(self, identity: str) -> None:
        """Forget a process that has ended."""
        pidfd = self._processes.pop(identity, None)
        if pidfd is not None:
            os.close(pidfd)

    def _open(self, network: ClusterNetwork) -> None:
        self._sandboxes = Sandboxes(network)
        self._sandboxes.open()
        self._sockets = SocketService(self._poll, self._sandboxes.networks)

    def _remove(self, uid: str) -> None:
        for address in self._opened().remove(uid):
            if self._sockets is not None:
                self._sockets.end(address)

    def _opened(self) -> Sandboxes:
        assert self._sandboxes is not None
        return self._sandboxes


def _cluster_network(read: dict[str, Any]) -> ClusterNetwork:
    return ClusterNetwork(**{**read, "nodes": tuple(NodeNetwork(*each) for each in read["nodes"])})


def _sandbox(read: dict[str, Any]) -> SandboxSpec:
    return SandboxSpec(**{**read, "memory": tuple(Mount(*each) for each in read["memory"])})


def _root(read: dict[str, Any]) -> Root:
    return Root(**{**read, "mounts": tuple(Mount(*each) for each in read["mounts"])})
