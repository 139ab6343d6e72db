"""The command `kubesvc connect`: its options. What it does is imported when it runs."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import click

from kubesvc.terminal.arguments import Duration, name_option, state_of


@click.command(short_help="Have the Services of a remote cluster answer on this machine.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Its kubeconfig; otherwise as with kubectl.")
@click.option("--context", default="", help="The context of the kubeconfig; the current one unless given.")
@click.option("-n", "--namespace", default="", help="The namespace; the context's unless given.")
@click.option("-A", "--all-namespaces", "is_everywhere", is_flag=True, help="All namespaces.")
@click.option("-l", "--selector", default="", help="Only Services with these labels, as with kubectl.")
@name_option
@click.option("--detach", "is_detached", is_flag=True, help="Return when ready; the connection stays until `down`.")
@click.option(
    "--timeout", type=Duration(), default="30s", show_default=True, help="How long to wait; 0 waits for ever."
)
@click.option(
    "--hosts", "has_hosts", is_flag=True, help="Print lines for /etc/hosts; as root: maintain them there meanwhile."
)
@click.option(
    "--export",
    type=click.Choice(["", "env", "compose", "json"]),
    default="",
    help="Print the Services for a shell, Docker Compose or a program, and nothing else on stdout.",
)
@click.option("--zone", default="cluster.local", show_default=True, help="The domain of the remote cluster's names.")
@click.option("--subnets", type=click.Choice(["auto", "default"]), help="auto: beside other clusters of this machine.")
@click.option(
    "--sandbox", type=click.Choice(["auto", "namespaces", "none"]), help="Whether `kubesvc run` and `shell` work."
)
def connect(name: str, **given: Any) -> None:
    """Mirror the Services of a remote cluster: each answers here at its own address and port, and by its name.

    Bytes travel by the API server's port-forward to ready pods. Programs find the names by `kubesvc run -- COMMAND`,
    `kubesvc shell`, or the DNS server of the mirror. Nothing is written to the remote cluster.
    """
    if given["is_everywhere"] and given["namespace"]:
        message = "-A shows all namespaces: leave out -n"
        raise click.UsageError(message)
    gc.disable()
    from kubesvc.terminal.remote.connecting import ConnectOptions, run_connect

    sys.exit(run_connect(ConnectOptions(state=state_of(name), **given)))
