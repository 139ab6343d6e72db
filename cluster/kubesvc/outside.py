"""The world outside the cluster: web servers of ``externalHosts``, as processes at their addresses on this machine.

They stand for machines that no Kubernetes object knows, so they are no pods; they only share the way to run a process.
"""

from __future__ import annotations

from kubeapi.network import Network
from kubelet.builtins import plan_builtin, plan_page
from kubelet.config import host_environment
from kubelet.environment import expand_all
from kubelet.images import find_image
from kubelet.processes import ProcessRunner
from kubelet.processspec import ProcessSpec, StartError
from kubesvc.components import images
from kubesvc.config import ClusterConfiguration, ExternalHost


class OutsideError(Exception):
    """An outside server could not be started; the text says which and why."""


async def start_outside_servers(config: ClusterConfiguration, network: Network, runner: ProcessRunner) -> None:
    """Start what ``externalHosts`` serve; the processes belong to ``runner`` and end with it. OutsideError."""
    for host in config.external_hosts:
        if host.is_served:
            try:
                await runner.start(_spec(config, host, network))
            except (StartError, OSError) as error:
                message = f"externalHosts {host.name}: cannot serve at {host.address}:{host.port}: {error}"
                raise OutsideError(message) from error


def _spec(config: ClusterConfiguration, host: ExternalHost, network: Network) -> ProcessSpec:
    address, port = network.dial(host.address, host.port)
    environment = {**host_environment(), **host.env, "PORT": str(port), "POD_IP": address, "HOSTNAME": host.name}
    title = f"outside {host.name}"
    if host.page is not None:
        plan = plan_page(f"{host.page}\n", port)
        return ProcessSpec(environment=environment, builtin=plan, address=address, title=title)
    command, args = host.command, host.args
    if not command:
        image = find_image(host.image, images(config))
        if image is None:
            message = f"no image {host.image!r} in the catalog; add it under images:"
            raise StartError(message)
        environment = {**image.env, **environment}
        command, args = image.command, args or image.args
        if image.builtin:
            plan = plan_builtin(image.builtin, args, network.bind_port)
            if not host.args and plan["tcp"]:
                # The host's port is what the user wants served; the image's own is only its default.
                plan = {**plan, "tcp": [port]}
            return ProcessSpec(environment=environment, builtin=plan, address=address, title=title)
    argv = expand_all((*command, *args), environment)
    return ProcessSpec(argv, environment, address=address, title=title)
