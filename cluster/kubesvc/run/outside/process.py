"""The process of a server of ``externalHosts``: its command or built-in server, its variables and its address."""

from __future__ import annotations

from kubehost.network import Network
from kubelet.config import host_environment
from kubelet.images.builtins import plan_builtin, plan_page
from kubelet.images.catalog import find_image
from kubelet.images.serverhost import ServerHost
from kubelet.pod.environment import expand_all
from kubelet.spec.process import ProcessSpec, StartError
from kubesvc.config import ClusterConfiguration, ExternalHost
from kubesvc.run.settings import images


def process_spec(config: ClusterConfiguration, host: ExternalHost, network: Network) -> ProcessSpec:
    """Return what to start for a host; StartError if its image is not in the catalog."""
    address, port = network.dial(host.address, host.port)
    environment = {**host_environment(), **host.env, "PORT": str(port), "POD_IP": address, "HOSTNAME": host.name}
    title = f"outside {host.name}"
    if host.page is not None:
        plan = plan_page(f"{host.page}\n", port)
        return ProcessSpec(environment=environment, builtin=plan, address=address, title=title)
    command, args, working_dir = host.command, host.args, host.working_dir
    if not command:
        image = find_image(host.image, images(config))
        if image is None:
            message = f"no image {host.image!r} in the catalog; add it under images:"
            raise StartError(message)
        environment = {**image.env, **environment}
        command, args, working_dir = image.command, args or image.args, image.working_dir
        if image.builtin:
            plan = plan_builtin(image.builtin, args, ServerHost(lambda port: network.bind(address, port)[1]))
            if not host.args and plan.tcp:
                # The port of the host, rather than the image's default.
                plan = plan._replace(tcp=[port])
            return ProcessSpec(environment=environment, builtin=plan, address=address, title=title)
    argv = expand_all((*command, *args), environment)
    return ProcessSpec(argv, environment, working_dir, address=address, title=title)
