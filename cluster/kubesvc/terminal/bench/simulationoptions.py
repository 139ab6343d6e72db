"""The options of `kubesvc bench` that simulate: its command has enough of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from kubesvc.terminal.arguments import Duration

_OPTIONS = (
    click.option(
        "--simulate",
        "is_simulated",
        is_flag=True,
        help="Send nothing: simulate the Service, with the proxy's algorithms and what its pods say of themselves.",
    ),
    click.option("--both", "is_both", is_flag=True, help="Simulate and measure, and print both side by side."),
    click.option(
        "--backends",
        multiple=True,
        metavar="'N x MODEL'",
        help="Simulate N backends that behave so (kubesvc.dev/backend) in place of a Service; may be repeated.",
    ),
    click.option("-f", "--file", default="", metavar="PATH", help="Simulate a Service of manifests; no cluster runs."),
    click.option(
        "--balancer", default="", metavar="NAME[:OPTION=VALUE]", help="The algorithm, in place of the Service's own."
    ),
    click.option(
        "--clients",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="Simulated proxies, each with an algorithm of its own that knows its own requests only.",
    ),
    click.option(
        "--delay", type=Duration(), default="0s", show_default=True, help="How long a simulated request is on its way."
    ),
    click.option(
        "--reproduce", default="", metavar="NAME|all", help="Simulate published results, and say whether they come out."
    ),
    click.option(
        "--sockets", "has_sockets", is_flag=True, help="--reproduce on clusters of its own as well, for minutes."
    ),
)


def simulation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
