"""What runs for a container: from its spec and its image to a process with environment, arguments and ports. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from kubeapi.backends import BACKEND_ANNOTATION
from kubelet.images.builtins import image_layer, plan_builtin
from kubelet.images.catalog import ImageSpec, Program, find_image, program_for
from kubelet.images.layer import LayerPart
from kubelet.images.serverhost import ServerHost
from kubelet.pod.environment import Sources, container_environment, expand_all
from kubelet.pod.security import verify_user
from kubelet.pod.spec import ContainerSpec
from kubelet.spec.process import PROGRAM_FOLDERS, ProcessSpec
from kubelet.tools.scripts import with_agnhost_on_path

_SHELLS = (("sh",), ("/bin/sh",))
"""What bash stands in for where dash, Debian's sh, differs from the image's own, and no busybox is installed.

Images have a busybox or a bash as sh, which hand on a variable such as ``data-1``; dash drops it.
"""
_BEYOND_POSIX = ("[[", "RANDOM", "echo -e", "echo -ne")
"""What scripts for busybox' sh use, and dash does not know."""


@dataclass(frozen=True, slots=True)
class ContainerHost:
    """What the containers of one pod take from the machine and from the kubelet's settings.

    ``tool_dir`` comes first in PATH, "" for none, as in most sandboxes; its scripts read the pod's resolv.conf and
    hosts file in ``etc_dir``. ``tools`` are the paths of programs of this machine, by their names.
    """

    images: Mapping[str, ImageSpec]
    environment: Mapping[str, str]
    working_dir: str
    servers: ServerHost
    tool_dir: str = ""
    etc_dir: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)


class ContainerPlan(NamedTuple):
    """A container that can be started. Commands in it run in ``working_dir``: its workingDir, or its image's.

    ``layer`` are the files that its image brings along, in a sandbox, ``user`` is its image's, where that is a number.
    """

    process: ProcessSpec
    stop_signal: str
    working_dir: str
    layer: tuple[LayerPart, ...] = ()
    user: int = 0


def plan_container(
    container: ContainerSpec, sources: Sources, host: ContainerHost, scratch_dir: str
) -> ContainerPlan | None:
    """Return what to run, None if the image has nothing to run here; ConfigError. nginx runs in ``scratch_dir``."""
    image = find_image(container.image, host.images)
    if image and host.servers.is_sandboxed:
        verify_user(sources.pod, container, image.user)
    program = program_for(image, container.command, container.args)
    if program is None or _is_missing(image, program, host):
        return None
    given = _given_variables(sources, host, image) | _port_variable(container, host, program)
    environment = container_environment(sources, container, given)
    working_dir = container.working_dir or _image_dir(image, host) or host.working_dir
    stop_signal = container.stop_signal or program.stop_signal
    servers = host.servers._replace(served=container.mount_paths)
    layer = image_layer(image, servers, host.tools) if image and servers.is_sandboxed else ()
    if program.builtin:
        if program.builtin == "backend":
            program = program._replace(arguments=(sources.pod.annotations.get(BACKEND_ANNOTATION, ""),))
        process = _builtin_process(program, environment, servers)
        own_dir = scratch_dir if process.builtin and process.builtin.server == "nginx" else container.working_dir
        return ContainerPlan(process._replace(working_dir=own_dir), stop_signal, working_dir, layer)
    argv = _command(program, environment, host, image)
    process = ProcessSpec(argv, environment, working_dir, is_tty=container.is_tty)
    user = int(image.user) if image and image.user.isdecimal() else 0
    return ContainerPlan(process, stop_signal, working_dir, layer, user)


def _is_missing(image: ImageSpec | None, program: Program, host: ContainerHost) -> bool:
    """Tell whether a container runs the program that its image stands for, and this machine does not have that."""
    if image is None or not image.program or not host.servers.is_sandboxed:
        return False
    return PurePosixPath(program.arguments[0]).name == image.command[0] and image.command[0] not in host.tools


def _image_dir(image: ImageSpec | None, host: ContainerHost) -> str:
    """Return an image's WORKDIR; that of a built-in one is a place in a root of its own, which only a sandbox has."""
    is_elsewhere = image is not None and not image.builtin and not image.program
    return image.working_dir if image and (host.servers.is_sandboxed or is_elsewhere) else ""


def _command(
    program: Program, environment: Mapping[str, str], host: ContainerHost, image: ImageSpec | None
) -> tuple[str, ...]:
    argv = expand_all(program.arguments, environment)
    argv = argv if host.servers.is_sandboxed else with_agnhost_on_path(argv)
    is_plain = image is None or not image.is_busybox or not any(each in word for word in argv for each in _BEYOND_POSIX)
    if image is not None and image.has_busybox_alone and host.servers.is_sandboxed and "busybox" in host.tools:
        return argv
    bash = host.tools.get("bash")
    if bash and argv[:1] in _SHELLS and not (is_plain and all(map(str.isidentifier, environment))):
        return (bash, "--posix", *argv[1:])
    return argv


def _builtin_process(program: Program, environment: dict[str, str], servers: ServerHost) -> ProcessSpec:
    arguments = expand_all(program.arguments, environment)
    plan = plan_builtin(program.builtin, arguments, servers, environment, program.entrypoint)
    return ProcessSpec(environment=environment, builtin=plan, address=servers.address, title=program.builtin)


def _given_variables(sources: Sources, host: ContainerHost, image: ImageSpec | None) -> dict[str, str]:
    """Return what every container has: the user's PATH and the like, the image's ENV, and where the pod is."""
    given = {
        **host.environment,
        **(image.env if image else {}),
        "HOSTNAME": sources.pod.hostname,
        "POD_IP": sources.place.pod_ip,
        "POD_IPS": ",".join(sources.place.pod_ips),
        "POD_NAMESPACE": sources.pod.key.namespace,
    }
    if host.servers.is_sandboxed and "PATH" in host.environment:
        # Debian's users have no sbin on it, images do.
        own = given["PATH"].split(os.pathsep)
        given["PATH"] = os.pathsep.join((*own, *(each for each in PROGRAM_FOLDERS if each not in own)))
    if host.tool_dir:
        given["PATH"] = f"{host.tool_dir}{os.pathsep}{given.get('PATH', os.defpath)}"
        given["KUBESVC_ETC"] = host.etc_dir
    return given


def _port_variable(container: ContainerSpec, host: ContainerHost, program: Program) -> dict[str, str]:
    """Return PORT, if anything says on which port the container should listen: a built-in's own, or a declared one."""
    declared = container.ports[0].container_port if container.ports else 0
    port = program.port if program.builtin and program.port else declared or program.port
    return {"PORT": str(host.servers.bind_port(port))} if port else {}
