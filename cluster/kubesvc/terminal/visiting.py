"""The commands that run a program in the cluster's network: shell and run."""

from __future__ import annotations

import os
import sys
from typing import TypedDict, Unpack

import click

from kubesvc.terminal.arguments import ask, fail, name_option


def _check_namespace(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from kubesvc.state.directory import is_cluster_name

    if value and not is_cluster_name(value):
        message = f"{value!r} is no name of a namespace: lower case letters, digits and '-', at most 63"
        raise click.BadParameter(message)
    return value


names_option = click.option(
    "-n",
    "--namespace",
    default="",
    callback=_check_namespace,
    help="Namespace of short names such as `web`: default, or the one that a mirror shows.",
)
node_option = click.option(
    "--node", default="", metavar="NODE", help="The node whose host name it has; the first one unless given."
)


class WhereArguments(TypedDict):
    """The options that say where in which cluster a program runs."""

    node: str
    namespace: str
    name: str


@click.command(short_help="Open a shell on a node, inside the cluster's network.")
@node_option
@names_option
@name_option
def shell(**given: Unpack[WhereArguments]) -> None:
    """Open a shell on a node: cluster IPs, pods and node ports answer, and names resolve as in a pod.

    The files are this machine's, but for /etc/hosts: the nodes have one of their own, and the cluster's DNS knows what
    it says. kubectl is set up. The shell ends with the cluster.
    """
    _visit(given, (os.environ.get("SHELL") or "/bin/sh",), keeps_user=False)


@click.command(
    short_help="Run a program of this machine inside the cluster's network.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT...]")
@node_option
@names_option
@name_option
def run(command: tuple[str, ...], **given: Unpack[WhereArguments]) -> None:
    """Run a program as on a node: it resolves cluster names and reaches Services and pods.

    Its files are this machine's. Terminal, signals and exit status are the program's own. It ends with the cluster.
    """
    _visit(given, command, keeps_user=True)


def _visit(where: WhereArguments, command: tuple[str, ...], *, keeps_user: bool) -> None:
    from kubesvc.shell.entering import EnteringError, Visit, visit
    from kubesvc.shell.entrance import Entrance

    entrance = Entrance.read(ask(where["name"], lambda cluster: cluster.entrance()))
    node = _one_of(entrance.nodes, where["node"] or entrance.nodes[0], "node")
    namespace = _one_of(entrance.namespaces, where["namespace"] or entrance.namespace, "namespace")
    environment = {**os.environ, "KUBECONFIG": entrance.kubeconfig}
    try:
        sys.exit(visit(entrance, Visit(command, node, environment, keeps_user, namespace)))
    except EnteringError as error:
        fail(str(error))


def _one_of(known: tuple[str, ...], wanted: str, what: str) -> str:
    if wanted not in known:
        fail(f"there is no {what} {wanted!r}; the {what}s are {', '.join(known)}")
    return wanted
