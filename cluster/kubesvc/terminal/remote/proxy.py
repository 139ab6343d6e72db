"""`kubesvc proxy`: the command line."""

from __future__ import annotations

import gc
import sys
from typing import TypedDict, Unpack

import click


class ProxyArguments(TypedDict):
    """The arguments of `kubesvc proxy`, named as in ``ProxyOptions``."""

    kubeconfig: str
    context: str
    node_name: str
    mode: str | None
    config: str
    is_setting_up: bool
    is_beside_kube_proxy: bool
    is_cleaning_up: bool


@click.command(short_help="Be kube-proxy for one node of a real cluster.")
@click.option(
    "--kubeconfig", default="", metavar="FILE", help="The cluster's; else as kubectl finds it, or a pod's own."
)
@click.option("--context", default="", metavar="NAME", help="Its context; the current one unless given.")
@click.option("--node-name", default="", metavar="NODE", help="The node; the machine's name unless given.")
@click.option(
    "--mode",
    type=click.Choice(["userspace", "nftables"]),
    default=None,
    help="What carries the traffic; userspace, unless configured.",
)
@click.option("--config", default="", metavar="FILE", help="A KubeProxyConfiguration; the options here go before it.")
@click.option("--setup", "is_setting_up", is_flag=True, help="As root: have addresses be local while it runs.")
@click.option(
    "--beside-kube-proxy",
    "is_beside_kube_proxy",
    is_flag=True,
    help="Start although kube-proxy's own rules are in this network.",
)
@click.option("--cleanup", "is_cleaning_up", is_flag=True, help="As root: remove what a proxy has left, and exit.")
def proxy(**given: Unpack[ProxyArguments]) -> None:
    """Serve the Services of a real cluster on this node, as kube-proxy does, until Ctrl-C or SIGTERM.

    Addresses of Services must be local to this machine: what is missing is said with the command that mends it, or
    --setup does it, and undoes it at the end.
    """
    gc.disable()  # until all is known: what is imported stays
    from kubesvc.remote.proxy.settings import ProxyOptions
    from kubesvc.terminal.remote.proxying import serve_proxy

    sys.exit(serve_proxy(ProxyOptions(**given)))
