"""The command line. Each command imports its modules when it runs, so that `--help` is fast.

Exit status: 0 well, 1 failed, 2 bad usage or bad manifest, 4 not ready within --timeout, 130 stopped at once by a
second Ctrl-C. Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import click

from kubesvc import __version__
from kubesvc.escaping import escaped
from kubesvc.terminal import questions, visiting
from kubesvc.terminal.arguments import (
    Duration,
    ask,
    fail,
    json_text,
    name_option,
    namespace_option,
    state_of,
    text_or_json,
)
from kubesvc.terminal.bench.command import bench
from kubesvc.terminal.remote import connect, dns, proxy


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
    kubesvc shell                    a shell on a node, inside the cluster's network
    """  # noqa: D301  click's mark for lines that stay as they are is a real backspace


for _question in (questions.status, questions.explain, questions.trace, questions.connections, questions.logs):
    kubesvc.add_command(_question)
kubesvc.add_command(bench)
kubesvc.add_command(questions.doctor)
kubesvc.add_command(visiting.shell)
kubesvc.add_command(visiting.run)
kubesvc.add_command(dns.dns)
kubesvc.add_command(proxy.proxy)
kubesvc.add_command(connect.connect)


@kubesvc.command(short_help="Apply manifests to a cluster; start it unless it runs.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@name_option
@click.option("--detach", "is_detached", is_flag=True, help="Return when ready; the cluster keeps running.")
@click.option(
    "--timeout",
    type=Duration(),
    default="30s",
    show_default=True,
    help="How long to wait until everything is ready; 0 waits for ever.",
)
@click.option("--watch", "is_watching", is_flag=True, help="Apply edited files while the cluster runs.")
@click.option(
    "--merge-kubeconfig",
    "is_merging",
    is_flag=True,
    help="Make it the current context in ~/.kube/config while it runs.",
)
@click.option(
    "--proxy-workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that carry the traffic; 1, unless the configuration says otherwise.",
)
@click.option(
    "--proxy-mode",
    type=click.Choice(["userspace", "nftables"]),
    help="What carries the traffic between pods; nftables in the exact plan, else userspace, unless configured.",
)
@click.option(
    "--subnets",
    type=click.Choice(["auto", "default"]),
    help="auto: free address ranges of its own, so that it runs beside other clusters; kept for its next start.",
)
@click.option(
    "--exact",
    "is_exact",
    is_flag=True,
    help="Addresses as in a real cluster (10.96.0.10); needs sandboxes; kept for its next start.",
)
@click.option(
    "--host-routes",
    "has_host_routes",
    is_flag=True,
    help="With --exact, as root: this machine itself reaches the addresses while the cluster runs.",
)
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "namespaces", "none"]),
    help="Whether each pod has a network and namespaces of its own; kept for its next start.",
)
def up(name: str, **given: Any) -> None:
    """Apply manifests (files, folders, or - for stdin) to a cluster, which is started unless it runs.

    Objects of earlier runs of that cluster start again too; `kubesvc down --purge` deletes them.
    """
    if given["is_watching"] and "-" in given["paths"]:
        message = "--watch cannot watch standard input; name files or folders"
        raise click.UsageError(message)
    # Objects of imports live as long as the process; garbage collection is enabled again when the cluster runs.
    gc.disable()
    from kubesvc.terminal.up.options import UpOptions
    from kubesvc.terminal.up.run import run_up

    sys.exit(run_up(UpOptions(state=state_of(name), **given)))


@kubesvc.command(short_help="Drain and stop the cluster; its objects are kept.")
@name_option
@click.option(
    "--timeout", type=Duration(), default="45s", show_default=True, help="After this time the processes are killed."
)
@click.option("--purge", is_flag=True, help="Delete the cluster: its objects, its token and its certificate.")
def down(name: str, timeout: float, purge: bool) -> None:
    """Drain and stop the cluster; the next `kubesvc up` starts it with the same objects."""
    from kubesvc.terminal.down import UnsavedError, forget_cluster, stop_cluster

    try:
        click.echo(stop_cluster(state_of(name), timeout))
    except UnsavedError as error:
        if not purge:
            fail(str(error))
        click.echo(error.said)
    if purge:
        click.echo(forget_cluster(state_of(name)))


@kubesvc.command()
@name_option
def env(name: str) -> None:
    """Let kubectl use the cluster: eval "$(kubesvc env)".

    If the cluster does not run, kubectl then reaches no cluster, not even that of your own kubeconfig.
    """
    from kubesvc.run.api.kubeconfig import UNREACHABLE, export_line

    state = state_of(name)
    is_known = state.kubeconfig.is_file()
    click.echo(export_line(state.kubeconfig if is_known else UNREACHABLE))
    if state.owner() is None:
        remedy = f"start it: `kubesvc up PATH...{state.option}`"
        fail(f'cluster "{name}" is not running, and kubectl reaches nothing; {remedy}')
    if not is_known:
        fail(f'cluster "{name}" is still starting; ask again when it is ready')


@kubesvc.command()
@click.argument("target", metavar="deployment/NAME")
@click.option("--replicas", type=click.IntRange(min=0), required=True, help="How many pods there should be.")
@namespace_option
@name_option
def scale(target: str, replicas: int, namespace: str, name: str) -> None:
    """Set the number of replicas of a Deployment or ReplicaSet."""
    kind, slash, workload = target.partition("/")
    if not slash or not workload:
        message = f'{target!r}: write it as "deployment/NAME"'
        raise click.UsageError(message)
    ask(name, lambda cluster: cluster.scale(kind, namespace, workload, replicas))
    click.echo(escaped(f"{kind}/{workload} scaled"))


@kubesvc.command()
@text_or_json
def version(output: str) -> None:
    """Print the version."""
    import platform

    if output == "json":
        click.echo(json_text({"kubesvc": __version__, "python": platform.python_version()}))
    else:
        click.echo(f"kubesvc {__version__} (Python {platform.python_version()})")


@kubesvc.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, which the shell evaluates."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    if completer is None:
        fail(f"no completion for {shell}")
    click.echo(completer(kubesvc, {}, "kubesvc", "_KUBESVC_COMPLETE").source())
