"""A process that becomes a container: arguments are its Root as JSON, and its command.

It makes a user, a PID and a mount namespace as the agent does, without the network's. Exit status 125 and a line on
stderr: the container could not be made.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from kubehost.io.namespaces import NEWIPC, NEWNET, NEWNS, NEWPID, NEWUSER, NEWUTS, unshare
from kubelet.sandbox.io.privileges import PrivilegeError, restrict
from kubelet.sandbox.io.rootfs import build
from kubelet.sandbox.io.sources import RootError
from kubelet.spec.sandbox import Mount, Root


def enter_namespaces() -> None:
    """Do what the agent does once for the cluster, and once for the pod."""
    user, group = os.getuid(), os.getgid()
    if user:
        unshare(NEWUSER | NEWNS | NEWPID | NEWUTS | NEWIPC | NEWNET)
        maps = {"setgroups": "deny", "uid_map": f"0 {user} 1", "gid_map": f"0 {group} 1"}
        for name, text in maps.items():
            Path("/proc/self", name).write_text(text)
        return
    # All ids, as root has them in the cluster: only a process outside may write such a map.
    reading, writing = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.read(reading, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}", name).write_text("0 0 4294967295")
        os._exit(0)
    unshare(NEWUSER | NEWNS | NEWPID | NEWUTS | NEWIPC | NEWNET)
    os.write(writing, b"x")
    os.waitpid(helper, 0)


def main() -> None:
    fields, command = json.loads(sys.argv[1]), sys.argv[2:]
    root = Root(**{**fields, "mounts": [Mount(*each) for each in fields["mounts"]]})
    enter_namespaces()
    if child := os.fork():
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try:
        unshare(NEWNS)
        build(root)
        restrict(root)
        os.chdir(root.working_dir or "/")
        os.execvp(command[0], command)
    except (OSError, RootError, PrivilegeError) as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(125)


if __name__ == "__main__":
    main()
