"""From a container's description to the process that it is: image, environment, words, ports. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubelet.images.builtins import plan_builtin
from kubelet.images.catalog import ImageSpec, Program, find_image, program_for
from kubelet.pod.environment import PodContext, container_environment, expand_all
from kubelet.pod.spec import ContainerSpec
from kubelet.process.spec import ProcessSpec
from kubelet.tools.scripts import ClusterDNS, with_agnhost_on_path


class HostFacts(NamedTuple):
    """What a container takes from its surroundings."""

    images: Mapping[str, ImageSpec]
    environment: Mapping[str, str]
    working_dir: str
    nginx: str
    bind_port: Callable[[int], int]
    tool_dir: str = ""
    """What comes first in PATH, if anything."""
    cluster_dns: ClusterDNS | None = None
    etc_dir: str = ""
    """Where the pod's resolv.conf and hosts file are, for the programs in ``tool_dir``."""


class ContainerPlan(NamedTuple):
    """A container, ready to be started."""

    process: ProcessSpec
    stop_signal: str
    working_dir: str
    """Where commands run in the container: its workingDir, or its image's."""


def plan_container(
    container: ContainerSpec, context: PodContext, host: HostFacts, scratch_dir: str
) -> ContainerPlan | None:
    """Return what to run, None for an unknown image; raises ConfigError. ``scratch_dir`` is nginx's prefix."""
    image = find_image(container.image, host.images)
    program = program_for(image, container.command, container.args)
    if program is None:
        return None
    environment = container_environment(context, container, _given(container, context, host, image, program))
    arguments = expand_all(program.arguments, environment)
    working_dir = container.working_dir or (image.working_dir if image else "") or host.working_dir
    if not program.builtin:
        process = ProcessSpec(with_agnhost_on_path(arguments), environment, working_dir, is_tty=container.is_tty)
        return ContainerPlan(process, program.stop_signal, working_dir)
    plan = plan_builtin(
        program.builtin, arguments, host.bind_port, host.nginx, dns=host.cluster_dns, environment=environment
    )
    process = ProcessSpec(
        environment=environment,
        working_dir=scratch_dir if plan["server"] == "nginx" else container.working_dir,
        builtin=plan,
        address=context.pod_ips[0],
        title=program.builtin,
    )
    return ContainerPlan(process, program.stop_signal, working_dir)


def _given(
    container: ContainerSpec, context: PodContext, host: HostFacts, image: ImageSpec | None, program: Program
) -> dict[str, str]:
    """Return what every container has: the user's PATH and the like, the image's ENV, and where the pod is."""
    declared = container.ports[0].container_port if container.ports else 0
    port = program.port if program.builtin and program.port else declared or program.port
    given = {
        **host.environment,
        **(image.env if image else {}),
        "HOSTNAME": context.pod.hostname,
        "POD_IP": context.pod_ips[0],
        "POD_IPS": ",".join(context.pod_ips),
        "POD_NAMESPACE": context.pod.key.namespace,
    }
    if host.tool_dir:
        given["PATH"] = f"{host.tool_dir}{os.pathsep}{given.get('PATH', os.defpath)}"
        given["KUBESVC_ETC"] = host.etc_dir
    return {**given, "PORT": str(host.bind_port(port))} if port else given
