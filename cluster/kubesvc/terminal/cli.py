"""The command line. Every command imports what it needs when it runs, so that `--help` is quick.

Exit status: 0 well, 1 failed, 2 bad usage or bad manifest, 4 not ready within --timeout, 130 stopped at once by a
second Ctrl-C. Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kubesvc import __version__
from kubesvc.terminal import completing
from kubesvc.terminal.escaping import escaped, escaped_lines, escaped_values

if TYPE_CHECKING:
    from kubesvc.control.client import ControlClient
    from kubesvc.state.directory import StateDirectory

T = TypeVar("T")


class Duration(click.ParamType[float]):
    """A Go duration such as ``30s`` or ``1m30s``, in seconds; ``0`` stands for no limit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        from kubeapi.duration import parse_duration

        seconds = parse_duration(value)
        if seconds is None:
            self.fail(f'{value!r} is not a duration; write it like "30s", "1m30s" or "500ms"', param, ctx)
        return seconds


def _check_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from kubesvc.state.directory import is_cluster_name

    if not is_cluster_name(value):
        message = f"{value!r}: a cluster name is a DNS-1123 label: lower case letters, digits and '-', at most 63"
        raise click.BadParameter(message)
    return value


def _name_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--name", default="default", show_default=True, callback=_check_name, help="Name of the cluster."
    )(command)


_text_or_json = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
_namespace_option = click.option("-n", "--namespace", default="default", show_default=True, help="Namespace.")


def _fail(message: str, status: int = 1) -> NoReturn:
    click.echo(f"kubesvc: {escaped(message)}", err=True)
    sys.exit(status)


def _present(document: Any, output: str, text: Callable[[Any], str]) -> None:
    """Print a document, as JSON or as text; in neither does anything of it act on the terminal."""
    click.echo(json.dumps(document, indent=2) if output == "json" else text(escaped_values(document)))


def _state(name: str) -> StateDirectory:
    from kubesvc.state.directory import StateDirectory, state_root

    return StateDirectory(name, state_root(os.environ))


def _ask(name: str, question: Callable[[ControlClient], T]) -> T:
    """Return the running cluster's answer, or end with what it said."""
    from kubesvc.control.client import ControlClient, RefusedError, UnreachableError

    try:
        return question(ControlClient(_state(name)))
    except (UnreachableError, RefusedError) as error:
        _fail(str(error))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kubesvc", message="%(prog)s %(version)s")
def kubesvc() -> None:
    """Kubernetes Services on one machine, without Kubernetes.

    \b
    kubesvc up configs/tutorial      run manifests: pods, Services, DNS, and kubectl's API
    eval "$(kubesvc env)"            let kubectl find it
    kubesvc status -o json           what runs, and where it answers
    kubesvc explain svc/NAME         why a Service has no endpoints, or where it leads
    kubesvc trace outside svc/NAME   what a packet meets on its way there
    kubesvc connections svc/NAME     where its clients were sent, and why there
    """  # noqa: D301  click's mark for lines that stay as they are is a real backspace


@kubesvc.command(short_help="Apply manifests to a cluster; start it unless it runs.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@_name_option
@click.option("--detach", is_flag=True, help="Return when ready; the cluster runs on.")
@click.option(
    "--timeout",
    type=Duration(),
    default="30s",
    show_default=True,
    help="How long to wait until everything is ready; 0 waits for ever.",
)
@click.option("--watch", is_flag=True, help="Apply edited files while the cluster runs.")
@click.option("--merge-kubeconfig", is_flag=True, help="Make it the current context in ~/.kube/config while it runs.")
@click.option(
    "--proxy-workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that carry the traffic; 1, unless the configuration says otherwise.",
)
@click.option(
    "--subnets",
    type=click.Choice(["auto", "default"]),
    help="auto: free address ranges of this cluster's own, so that it runs beside others; kept for its next start.",
)
def up(
    paths: tuple[str, ...],
    name: str,
    detach: bool,
    timeout: float,
    watch: bool,
    merge_kubeconfig: bool,
    proxy_workers: int | None,
    subnets: str | None,
) -> None:
    """Apply manifests, files, folders or - for stdin, to a cluster, which is started unless it runs.

    What earlier runs of that name have left goes on, too; `kubesvc down --purge` forgets it.
    """
    if watch and "-" in paths:
        message = "--watch cannot watch standard input; name files or folders"
        raise click.UsageError(message)
    # What an import makes stays; `run_up` looks for garbage again when all is there.
    gc.disable()
    from kubesvc.terminal.options import UpOptions
    from kubesvc.terminal.up import run_up

    sys.exit(
        run_up(
            UpOptions(
                paths,
                _state(name),
                is_detached=detach,
                timeout=timeout,
                is_watching=watch,
                proxy_workers=proxy_workers,
                subnets=subnets or "",
                is_merging=merge_kubeconfig,
            )
        )
    )


@kubesvc.command(short_help="Drain and stop the cluster; its objects are kept.")
@_name_option
@click.option("--timeout", type=Duration(), default="45s", show_default=True, help="Then the processes are killed.")
@click.option("--purge", is_flag=True, help="Forget the cluster: its objects, its token and its certificate.")
def down(name: str, timeout: float, purge: bool) -> None:
    """Drain and stop the cluster; the next `kubesvc up` goes on with its objects."""
    from kubesvc.terminal.down import UnsavedError, forget_cluster, stop_cluster

    try:
        click.echo(stop_cluster(_state(name), timeout))
    except UnsavedError as error:
        if not purge:
            _fail(str(error))
        click.echo(error.said)
    if purge:
        click.echo(forget_cluster(_state(name)))


@kubesvc.command(short_help="Show Services, their addresses and endpoints, and pods.")
@click.option("-n", "--namespace", default="", help="Only what is in this namespace.")
@_name_option
@click.option("-o", "--output", type=click.Choice(["table", "wide", "json"]), default="table", show_default=True)
def status(namespace: str, name: str, output: str) -> None:
    """Show the Services, where they listen, their endpoints and the pods."""
    document = _ask(name, lambda cluster: cluster.status())
    if namespace:
        for kind in ("services", "pods", "warnings"):
            document[kind] = [each for each in document[kind] if each["namespace"] == namespace]
    from kubesvc.terminal import colours
    from kubesvc.terminal.printers import status_text

    _present(document, output, lambda each: colours.of(sys.stdout)(status_text(each, is_wide=output == "wide")))


@kubesvc.command(short_help="Say why a Service has no endpoints, or where it leads.")
@click.argument("service", metavar="svc/NAME", shell_complete=completing.service_names)
@_namespace_option
@_name_option
@_text_or_json
def explain(service: str, namespace: str, name: str, output: str) -> None:
    """Say why a Service has no endpoints, or where each of its addresses leads."""
    wanted = _service_name(service)
    document = _ask(name, lambda cluster: cluster.explain(namespace, wanted))
    from kubesvc.terminal.explanations import explanation_text

    _present(document, output, explanation_text)


def _service_name(text: str) -> str:
    """Return the NAME of svc/NAME, service/NAME, services/NAME or NAME."""
    kind, slash, name = text.rpartition("/")
    if not name or (slash and kind not in ("svc", "service", "services")):
        message = f'{text!r}: write it as "svc/NAME"'
        raise click.UsageError(message)
    return name


@kubesvc.command(short_help="Say what a packet meets on its way, or how DNS answers.")
@click.argument("source", metavar="SRC|NAME", shell_complete=completing.trace_sources)
@click.argument("destination", metavar="DST|[TYPE]", required=False, shell_complete=completing.trace_destinations)
@click.option("--dns", "is_dns", is_flag=True, help="Say how a name is answered; TYPE is A unless given.")
@_namespace_option
@_name_option
@_text_or_json
def trace(source: str, destination: str | None, is_dns: bool, namespace: str, name: str, output: str) -> None:
    """Say what a packet from SRC to DST meets, or with --dns how a NAME is answered; nothing is sent.

    \b
    SRC   an address, pod/NAME, node/NAME, or outside (a shell on this machine)
    DST   svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT; /udp at the end where it is not TCP
    \b
    kubesvc trace pod/client svc/web:80
    kubesvc trace outside 127.0.0.1:30080
    kubesvc trace --dns web SRV
    """  # noqa: D301  click's mark for lines that stay as they are is a real backspace
    from kubesvc.terminal import traces

    if is_dns:
        document = _ask(name, lambda cluster: cluster.trace_dns(namespace, source, destination or "A"))
        text = traces.dns_text
    elif destination is None:
        message = "a packet needs a destination as well: kubesvc trace SRC DST; a name is traced with --dns"
        raise click.UsageError(message)
    else:
        wanted = destination
        document = _ask(name, lambda cluster: cluster.trace(namespace, source, wanted))
        text = traces.trace_text
    _present(document, output, text)


@kubesvc.command(short_help="Show where the last 1000 connections went, and why there.")
@click.argument("service", metavar="[svc/NAME]", required=False, shell_complete=completing.service_names)
@click.option(
    "-n", "--namespace", default="", help="Namespace: of the Service, or all of one.  [default: default, or all]"
)
@click.option("-w", "--watch", is_flag=True, help="Go on: each connection as it begins, and as it ends.")
@_name_option
@_text_or_json
def connections(service: str | None, namespace: str, watch: bool, name: str, output: str) -> None:
    """Show the last 1000 connections, UDP flows and HTTP requests: where each was sent, and why there.

    Clients that the kernel refuses or does not hear (no endpoints, a policy Local) never reach the proxy.
    """
    from kubesvc.terminal.connection_table import ConnectionLines, connection_table

    wanted = (namespace or "default", _service_name(service)) if service else (namespace, "")
    document = _ask(name, lambda cluster: cluster.connections(*wanted))
    for note in document["notes"]:
        click.echo(f"kubesvc: {escaped(note)}", err=True)
    if not watch:
        _present(document, output, lambda each: connection_table(each["connections"]))
        return
    lines = ConnectionLines(escaped_values(document["connections"]))

    def copy(cluster: ControlClient) -> None:
        if output != "json":
            click.echo(lines.header())
        for each in cluster.follow_connections(*wanted):
            click.echo(json.dumps(each) if output == "json" else lines.line(escaped_values(each)))

    _ask(name, copy)


@kubesvc.command()
@_name_option
def env(name: str) -> None:
    """Print how kubectl finds the cluster: eval "$(kubesvc env)".

    Without a cluster that runs, kubectl is to find none: not the one of your own kubeconfig.
    """
    from kubesvc.run.kubeconfig import UNREACHABLE, export_line

    state = _state(name)
    is_known = state.kubeconfig.is_file()
    click.echo(export_line(state.kubeconfig if is_known else UNREACHABLE))
    if state.owner() is None:
        remedy = f"start it: `kubesvc up PATH...{state.option}`"
        _fail(f'cluster "{name}" is not running, and kubectl reaches nothing; {remedy}')
    if not is_known:
        _fail(f'cluster "{name}" is still starting; ask again when it is ready')


@kubesvc.command()
@click.argument("target", metavar="deployment/NAME")
@click.option("--replicas", type=click.IntRange(min=0), required=True, help="How many pods there should be.")
@_namespace_option
@_name_option
def scale(target: str, replicas: int, namespace: str, name: str) -> None:
    """Set the number of replicas of a Deployment or ReplicaSet."""
    kind, slash, workload = target.partition("/")
    if not slash or not workload:
        message = f'{target!r}: write it as "deployment/NAME"'
        raise click.UsageError(message)
    _ask(name, lambda cluster: cluster.scale(kind, namespace, workload, replicas))
    click.echo(escaped(f"{kind}/{workload} scaled"))


@kubesvc.command(short_help="Print what a pod wrote, or a pod of a Deployment.")
@click.argument("target", metavar="POD|deployment/NAME", shell_complete=completing.log_targets)
@click.option("-f", "--follow", is_flag=True, help="Go on as the pod writes.")
@click.option("-c", "--container", default="", help="Container, where the pod has several.")
@click.option("--previous", is_flag=True, help="Of the instance before the last restart.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last lines.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@_namespace_option
@_name_option
def logs(
    target: str,
    follow: bool,
    container: str,
    previous: bool,
    tail: int | None,
    timestamps: bool,
    namespace: str,
    name: str,
) -> None:
    """Print what a pod wrote, or the pod of a Deployment, ReplicaSet or Service that kubectl would choose."""
    query = {"namespace": namespace, "pod": target.removeprefix("pod/"), "container": container}
    query |= {flag: "true" for flag, is_set in _flags(follow, previous, timestamps) if is_set}
    if tail is not None:
        query["tailLines"] = str(tail)

    def copy(cluster: ControlClient) -> None:
        if "/" in query["pod"]:
            chosen = cluster.choose_pod(namespace, target)
            query["pod"] = chosen["pod"]
            if chosen["matching"] > 1:
                click.echo(f"Found {chosen['matching']} pods, using pod/{chosen['pod']}", err=True)
        for chunk in cluster.logs(**query):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()

    _ask(name, copy)


def _flags(follow: bool, previous: bool, timestamps: bool) -> tuple[tuple[str, bool], ...]:
    return ("follow", follow), ("previous", previous), ("timestamps", timestamps)


@kubesvc.command(short_help="Say what this machine does not allow, and how to mend it.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@_name_option
@_text_or_json
def doctor(paths: tuple[str, ...], name: str, output: str) -> None:
    """Say what this machine allows, and how to mend what it does not."""
    from kubesvc.doctor import run_doctor

    text, exit_status = run_doctor(paths, _state(name), is_json=output == "json")
    click.echo(escaped_lines(text))
    sys.exit(exit_status)


@kubesvc.command()
@_text_or_json
def version(output: str) -> None:
    """Print the version."""
    import platform

    if output == "json":
        click.echo(json.dumps({"kubesvc": __version__, "python": platform.python_version()}))
    else:
        click.echo(f"kubesvc {__version__} (Python {platform.python_version()})")


@kubesvc.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, to be evaluated by it."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    if completer is None:
        _fail(f"no completion for {shell}")
    click.echo(completer(kubesvc, {}, "kubesvc", "_KUBESVC_COMPLETE").source())
