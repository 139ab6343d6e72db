"""The containers of one pod as processes: how each is planned, started, logged and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kubeapi.failures import describe
from kubehost.folders import remove_folder
from kubelet.images.catalog import find_image, unknown_image_text
from kubelet.images.plan import ContainerHost, ContainerPlan, plan_container
from kubelet.images.serverhost import ServerHost
from kubelet.pod.environment import ConfigError
from kubelet.pod.machine.events import Exited, Refused, Started, StartFailed
from kubelet.pod.machine.resizing import given_to
from kubelet.pod.machine.state import Given, Stage
from kubelet.pod.programs import RunningProgram, taken_address, taken_text
from kubelet.pod.spec import ContainerSpec, Role
from kubelet.process.logs.reader import read_end
from kubelet.process.logs.writer import LogWriter, pod_log_dir
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.instance import Instance
from kubelet.runtime.pods.limits import PodLimits
from kubelet.runtime.pods.logs import remove_older
from kubelet.runtime.pods.machine import PodMachine
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.roots import PodRoots
from kubelet.runtime.references import ReferencedObjects
from kubelet.servers.http.listening import ANY_ADDRESS
from kubelet.spec.process import StartError

KILLED = (137, 9)
"""Exit code and signal of a process that was killed."""
LOST = "The process was lost together with the process that starts containers"


class PodContainers:
    """Tells the pod's state machine how each container starts and ends.

    ``instances`` has the latest run of each container by name, ``logs`` those of its last two by name and restart.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        references: ReferencedObjects,
        pod: PodObject,
        roots: PodRoots,
        machine: PodMachine,
    ) -> None:
        self.instances: dict[str, Instance] = {}
        self.logs: dict[tuple[str, int], LogWriter] = {}
        self.has_programs = False
        self._dependencies = dependencies
        self._references = references
        self._pod = pod
        self._roots = roots
        self._sandbox = roots.sandbox
        self._place = roots.sandbox.place
        self._machine = machine
        self.limits = PodLimits(dependencies.runner.cgroups)
        self._pod_dir = dependencies.config.pod_dir(pod.spec.uid)
        self._log_dir = pod_log_dir(dependencies.config.log_dir, *pod.spec.key, pod.spec.uid)
        self._host = self._read_host()

    def _read_host(self) -> ContainerHost:
        config = self._dependencies.config
        if self._sandbox.is_used:
            return ContainerHost(
                images=config.images,
                environment=config.environment,
                working_dir=config.working_dir,
                servers=ServerHost(self._bound_port, config.nginx, address=self._own_address(), is_sandboxed=True),
                tool_dir=str(config.tool_dir) if self._shares_nodes else "",
                etc_dir="/etc",
                tools=config.tools,
            )
        return ContainerHost(
            images=config.images,
            environment=config.environment,
            working_dir=config.working_dir,
            servers=ServerHost(self._bound_port, config.nginx, config.cluster_dns, address=self._place.pod_ip),
            tool_dir=str(config.tool_dir) if config.cluster_dns else "",
            etc_dir=str(config.etc_dir(self._pod.spec.uid)),
            tools=config.tools,
        )

    @property
    def _shares_nodes(self) -> bool:
        """Whether the pod is in the network that several nodes share."""
        return self._pod.spec.is_host_network and len(self._dependencies.config.nodes) > 1

    def _own_address(self) -> str:
        """Return what the built-in servers of a pod in a sandbox bind: a node's network is that of all nodes."""
        return ",".join(self._place.pod_ips) if self._pod.spec.is_host_network else ANY_ADDRESS

    def running(self, name: str) -> Instance | None:
        """Return a container's instance, None while it does not run."""
        return self.instances.get(name) if self._machine.state.container(name).stage is Stage.RUNNING else None

    def programs(self) -> Iterator[RunningProgram]:
        """Yield the running containers that are programs of this machine, init containers left out."""
        if not self.has_programs:
            return
        for state in self._machine.state.containers:
            instance = self.running(state.name)
            if instance is None or state.role is Role.INIT or instance.plan.process.builtin is not None:
                continue
            container = self._pod.spec.container(state.name)
            ports = tuple((each.protocol, self._bound_port(each.container_port)) for each in container.ports)
            is_probed = container.readiness is not None or container.startup is not None
            known = (self._pod.spec.key, state.name, state.pid, self._place.pod_ip, state.started_at)
            yield RunningProgram(*known, ports, is_probed, self._sandbox.is_used, self._pod.spec.is_host_network)

    async def run(self, name: str) -> None:
        """Run one instance of a container until it ends; an unforeseen error counts as its failure."""
        try:
            await self._run_instance(self._pod.spec.container(name))
        except Exception as error:
            self._pod.failed(f"container {name}", error)
            if self._machine.state.container(name).stage is Stage.RUNNING:
                self._machine.post(Exited(name, *KILLED, describe(error)))
            else:
                self._machine.post(StartFailed(name, describe(error)))

    async def _run_instance(self, container: ContainerSpec) -> None:
        plan = self._plan_or_refuse(container)
        if plan is None:
            return
        self.has_programs = self.has_programs or plan.process.builtin is None
        self._pod.report("Normal", "Pulled", f'Container image "{container.image}" already present on machine')
        self._pod.report("Normal", "Created", f"Created container: {container.name}")
        instance = self.instances[container.name] = Instance(plan, self._open_log(container.name))
        try:
            scratch = self._scratch_dir(container)
            if plan.process.working_dir == str(scratch):
                scratch.mkdir(parents=True, exist_ok=True)
            if not await self._sandbox.make():
                raise StartError("the pod has no sandbox")
            plan = self._roots.prepare(container, await self._among_others(container, plan))
            instance.plan = self.limits.around(self._pod.spec, container, plan)
            given = given_to(self._pod.spec, container)
            await self._run_process(container, instance, given)
        except (StartError, OSError) as error:
            instance.end()
            self._machine.post(StartFailed(container.name, f"failed to start container process: {error}"))
        finally:
            instance.end()
            self.limits.release(instance.plan)

    async def _among_others(self, container: ContainerSpec, plan: ContainerPlan) -> ContainerPlan:
        """Return a container's plan among the processes that it is to see, if those are not only its own.

        StartError if an ephemeral container's target does not run, OSError.
        """
        if not self._sandbox.is_used:
            return plan
        if self._pod.spec.shares_processes:
            return _among(plan, await self._sandbox.first_process())
        if not container.target:
            return plan
        target = self.running(container.target)
        if target is None or target.process is None:
            raise StartError(f"unable to find target container {container.target}")
        return _among(plan, target.process.identity)

    async def _run_process(self, container: ContainerSpec, instance: Instance, given: Given) -> None:
        process = await instance.start(self._dependencies.runner, container)
        try:
            container_id = f"{self._dependencies.rng.getrandbits(256):064x}"
            self._machine.post(Started(container.name, process.pid, container_id, given))
            self._pod.recovered(f"container {container.name}")
            end = await process.wait()
        finally:
            process.kill()
        instance.end()
        if end.code and not end.is_lost and not self._machine.state.is_terminating:
            self._report_taken_address(container.name, instance.log.path)
        said = self._roots.message(container, instance.log.path, has_failed=bool(end.code))
        is_out_of_memory = self.limits.release(instance.plan)
        message = LOST if end.is_lost else said
        self._machine.post(Exited(container.name, end.code, end.signal, message, is_out_of_memory))

    def _plan_or_refuse(self, container: ContainerSpec) -> ContainerPlan | None:
        """Return how to start a container; None if that cannot be, which the state machine knows then."""
        images = self._dependencies.config.images
        unknown = (each for each in self._roots.volume_images(container) if find_image(each, images) is None)
        try:
            missing = next(unknown, "")
            plan = None if missing else self._plan(container)
        except ConfigError as error:
            self._machine.post(Refused(container.name, "CreateContainerConfigError", str(error)))
            return None
        if plan is None:
            image = missing or container.image
            text = unknown_image_text(image, images, is_volume=bool(missing))
            self._machine.post(Refused(container.name, "ErrImagePull", text, image))
        return plan

    def _plan(self, container: ContainerSpec) -> ContainerPlan | None:
        sources = self._references.sources(self._pod.spec, self._place)._replace(read_file=self._roots.read_file)
        plan = plan_container(container, sources, self._host, str(self._scratch_dir(container)))
        return self._roots.around(container, plan) if plan is not None else None

    def _bound_port(self, port: int) -> int:
        return port if self._sandbox.is_used else self._dependencies.network.bind(self._place.pod_ip, port)[1]

    def _scratch_dir(self, container: ContainerSpec) -> Path:
        return self._pod_dir / container.name

    def _report_taken_address(self, name: str, log: Path) -> None:
        """Report that a container has ended because another process has its address, if its log says so."""
        said = taken_address(read_end(log))
        if said and (self._pod.spec.is_host_network or not self._sandbox.is_used):
            text = taken_text(name, said, self._place.pod_ip, is_sandboxed=self._sandbox.is_used)
            self._pod.report("Warning", "AddressInUse", text)

    def _open_log(self, name: str) -> LogWriter:
        """Open the log of a container's next instance; of the earlier ones only the last is kept."""
        number = self._machine.state.container(name).restart_count
        for old in [each for each in self.logs if each[0] == name and each[1] < number - 1]:
            del self.logs[old]
        if number > 1:
            remove_older(self._log_dir / name, number - 1)
        log = LogWriter(
            self._log_dir / name / f"{number}.log",
            clock=self._dependencies.clock,
            report=lambda text: self._pod.report("Warning", "LogWriteFailed", text),
        )
        self.logs[name, number] = log
        return log

    def close(self) -> None:
        """Close the logs."""
        for log in self.logs.values():
            log.close()

    def remove_files(self) -> None:
        """Delete the pod's logs and folders."""
        for folder in (self._log_dir, self._pod_dir):
            remove_folder(folder)


def _among(plan: ContainerPlan, identity: str) -> ContainerPlan:
    return plan._replace(process=plan.process._replace(processes_of=identity))
