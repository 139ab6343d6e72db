"""The process behind ``PodNetwork``: makes the cluster's network and the pods', and sockets in them.

Run as a program with the number of a socket, a JSON object for each request. It ends with the socket.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from kubehost.io.namespaces import NEWIPC, NEWNET, NEWUSER, NEWUTS, setns, unshare
from kubelet.sandbox.io.sandboxes import Sandboxes
from kubelet.spec.sandbox import ClusterNetwork, NodeNetwork, SandboxSpec


def main(descriptor: int) -> None:
    """Answer requests until nobody asks any more."""
    with socket.socket(fileno=descriptor) as channel:
        request = json.loads(channel.recv(65536))
        sandboxes = _open(request)
        _answer(channel, {})
        while content := channel.recv(65536):
            request = json.loads(content)
            try:
                made = _obey(sandboxes, request)
            except OSError as error:
                _answer(channel, {"errno": error.errno, "text": str(error)})
            else:
                _answer(channel, {}, made)


def _open(request: dict[str, Any]) -> Sandboxes:
    if request["has_user_namespace"]:
        user, group = os.geteuid(), os.getegid()
        unshare(NEWUSER | NEWNET | NEWUTS | NEWIPC)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    else:
        unshare(NEWNET | NEWUTS | NEWIPC)
    network = request["network"]
    nodes = tuple(NodeNetwork(*each) for each in network.pop("nodes"))
    sandboxes = Sandboxes(ClusterNetwork(nodes=nodes, **network))
    sandboxes.open()
    return sandboxes


def _obey(sandboxes: Sandboxes, request: dict[str, Any]) -> list[socket.socket]:
    match request["op"]:
        case "pod":
            sandboxes.make(SandboxSpec(**request["sandbox"]))
        case "socket":
            return [_socket(sandboxes, request)]
        case "setting":
            Path("/proc/sys", request["name"]).write_text(request["value"])
    return []


def _socket(sandboxes: Sandboxes, request: dict[str, Any]) -> socket.socket:
    where = sandboxes.networks[request["place"]] if request["place"] else None
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if where is not None:
            setns(where, NEWNET)
        return socket.socket(*request["socket"])
    finally:
        setns(home, NEWNET)
        os.close(home)


def _answer(channel: socket.socket, answer: dict[str, Any], sockets: list[socket.socket] | None = None) -> None:
    sockets = sockets or []
    socket.send_fds(channel, [json.dumps(answer).encode()], [each.fileno() for each in sockets])
    for each in sockets:
        each.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
