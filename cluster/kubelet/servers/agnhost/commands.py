"""agnhost's commands that write what they find and exit: about names, arguments and files, and lines for a log.

Each takes its options and the container's environment, and returns the exit code. Follows k8s.io/kubernetes
``test/images/agnhost`` (dns, entrypoint-tester, mounttest, logs-generator).
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import stat
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kubehost.errortexts import errno_text

Command = Callable[[Mapping[str, Any], Mapping[str, str]], int]

TMPFS_MAGIC = 0x01021994
NEW_FILE = "mount-tester new file\n"
"""What mounttest writes into a new file, and waits for in a loop."""
LOOP_SECONDS = 2.0
LOG_LINE = 76
"""The line of logs_generator.go that klog names in each of its lines."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What k8s.io/apimachinery/pkg/util/rand makes names of."""
_KINDS = (
    (stat.S_ISDIR, "d"),
    (stat.S_ISLNK, "L"),
    (stat.S_ISBLK, "D"),
    (stat.S_ISCHR, "D"),
    (stat.S_ISFIFO, "p"),
    (stat.S_ISSOCK, "S"),
)
_BITS = ((stat.S_ISUID, "u"), (stat.S_ISGID, "g"))


def dns_suffix(_options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Write the search list of resolv.conf."""
    return _write_words("search", environment)


def dns_server_list(_options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Write the first name server of resolv.conf."""
    return _write_words("nameserver", environment)


def etc_hosts(_options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Write the hosts file, and a line feed."""
    _say(_etc("hosts", environment))
    return 0


def entrypoint_tester(options: Mapping[str, Any], _environment: Mapping[str, str]) -> int:
    """Write the arguments with which it was started, its own name first, as Go prints a list."""
    _say(f"[{' '.join(options['argv'])}]")
    return 0


def verify_issuer(options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Verify a pod's token by the issuer's own documents."""
    # Imported here alone: no other pod needs TLS.
    from kubelet.servers.agnhost import openidmetadata

    return openidmetadata.verify_issuer(options, environment)


def in_cluster_client(options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Ask the API server for its health, again and again."""
    # Imported here, because no other command needs it.
    from kubelet.servers.agnhost import inclusterclient

    return inclusterclient.poll_healthz(options, environment)


def logs_generator(options: Mapping[str, Any], _environment: Mapping[str, str]) -> int:
    """Write ``options["lines"]`` lines as klog does, evenly over ``options["seconds"]``."""
    began = time.monotonic()
    for number in range(options["lines"]):
        name = "".join(random.choices(_LETTERS, k=random.randint(3, 4)))
        namespace, method = random.choice(("kube-system", "default", "ns")), random.choice(("GET", "POST", "PUT"))
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        now = time.time()
        stamp = f"{time.strftime('%m%d %H:%M:%S', time.localtime(now))}.{int(now % 1 * 1_000_000):06}"
        status = random.randint(200, 599)
        sys.stderr.write(f"I{stamp} {os.getpid():7} logs_generator.go:{LOG_LINE}] {number} {method} {path} {status}\n")
        sys.stderr.flush()
        due = began + (number + 1) * options["seconds"] / options["lines"]
        time.sleep(max(0.0, due - time.monotonic()))
    return 0


def mounttest(options: Mapping[str, Any], _environment: Mapping[str, str]) -> int:
    """Do what the flags in ``options["flags"]`` say, in mounttest's own order; 1 if anything has failed."""
    os.umask(0)
    flags: Mapping[str, str] = options["flags"]
    code = 0
    for step in _STEPS:
        path = flags.get(step.flag)
        try:
            if path:
                step.take(path)
        except OSError as error:
            reason = errno_text(error)
            _say(step.failure.format(quoted=json.dumps(path), path=path, reason=reason))
            code = 1
    if path := flags.get("file_content_in_loop"):
        code |= _read_in_loop(path, options["retry_seconds"], until_new=options["until_new"])
    return code


def _fs_type(path: str) -> None:
    # struct statfs begins with its type; its size is 120 bytes on x86-64, and no more elsewhere.
    found = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(path), found):
        raise OSError(ctypes.get_errno(), "statfs")
    kind = ctypes.c_long.from_buffer(found).value
    _say(f"mount type of {json.dumps(path)}: {'tmpfs' if kind == TMPFS_MAGIC else kind}")


def _new_file(mode: int) -> Callable[[str], None]:
    def write(path: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w") as file:
            file.write(NEW_FILE)
        _file_content(path)

    return write


def _file_mode(path: str) -> None:
    _say(f"mode of file {json.dumps(path)}: {go_mode(Path(path).stat().st_mode)}")


def _file_perm(path: str) -> None:
    _say(f"perms of file {json.dumps(path)}: {go_mode(Path(path).stat().st_mode & 0o777)}")


def _file_owner(path: str) -> None:
    found = Path(path).stat()
    _say(f"owner UID of {json.dumps(path)}: {found.st_uid}\nowner GID of {json.dumps(path)}: {found.st_gid}")


def _file_content(path: str) -> None:
    _say(f"content of file {json.dumps(path)}: {_read(path)}")


class _Step(NamedTuple):
    """What one flag of mounttest asks for, and Go's words when it fails."""

    flag: str
    take: Callable[[str], None]
    failure: str


_STEPS = (
    _Step("fs_type", _fs_type, "error from statfs({quoted}): {reason}"),
    *(
        _Step(f"new_file_{mode:04o}", _new_file(mode), "error writing new file {quoted}: open {path}: {reason}")
        for mode in (0o644, 0o666, 0o660, 0o777)
    ),
    _Step("file_mode", _file_mode, "error from Stat({quoted}): stat {path}: {reason}"),
    _Step("file_perm", _file_perm, "error from Stat({quoted}): stat {path}: {reason}"),
    _Step("file_owner", _file_owner, "error from stat({quoted}): {reason}"),
    _Step("file_content", _file_content, "error reading file content for {quoted}: open {path}: {reason}"),
)


def _read(path: str) -> str:
    return Path(path).read_bytes().decode(errors="surrogateescape")


def _read_in_loop(path: str, seconds: float, *, until_new: bool) -> int:
    """Write the file's content again and again; return 1 if it could not be read the last time."""
    end, code = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            content = _read(path)
        except OSError as error:
            _say(f"Error reading file {path}: open {path}: {errno_text(error)}, retrying")
            code = 1
        else:
            code = 0
            _say(f"content of file {json.dumps(path)}: {content}")
            if until_new and content == NEW_FILE:
                return 0
            if until_new:
                _say(f"Unexpected content. Expected: {NEW_FILE}. Retrying")
        time.sleep(LOOP_SECONDS)
    return code


def go_mode(mode: int) -> str:
    """Return the mode of a file as Go's fs.FileMode prints it."""
    kind = "".join(letter for is_kind, letter in _KINDS if is_kind(mode))
    kind += "".join(letter for bit, letter in _BITS if mode & bit)
    kind += "c" if stat.S_ISCHR(mode) else ""
    kind += "t" if mode & stat.S_ISVTX else ""
    return (kind or "-") + "".join(letter if mode & 1 << 8 - at else "-" for at, letter in enumerate("rwxrwxrwx"))


def _write_words(first: str, environment: Mapping[str, str]) -> int:
    for line in _etc("resolv.conf", environment).split("\n"):
        if line.startswith(first):
            _say(",".join(line.split(" ")[1:]))
            return 0
    sys.stderr.write("panic: Could not find DNS search list!\n")
    return 2


def _etc(name: str, environment: Mapping[str, str]) -> str:
    """Return a file of the pod's /etc; a pod without a sandbox has it in a folder that is named by a variable."""
    return _read(f"{environment.get('KUBESVC_ETC', '/etc')}/{name}")


def _say(text: str) -> None:
    """Write one line at once; a log may be read while the command goes on."""
    sys.stdout.buffer.write(f"{text}\n".encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


COMMANDS: Mapping[str, Command] = {
    "dns-suffix": dns_suffix,
    "dns-server-list": dns_server_list,
    "etc-hosts": etc_hosts,
    "entrypoint-tester": entrypoint_tester,
    "logs-generator": logs_generator,
    "mounttest": mounttest,
    "test-service-account-issuer-discovery": verify_issuer,
    "inclusterclient": in_cluster_client,
}
