"""`kubesvc bench`: load on a Service, and what its clients saw.

Exit status: 0 well, 1 failed (also where no request was answered, or an invalid run kept the objectives), 2 bad usage,
99 where an objective of --slo is broken, 130 after Ctrl-C, with the report of what was measured until then.
"""

from __future__ import annotations

import sys
from typing import Unpack

import click
from click.core import ParameterSource

from kubesvc.terminal import completing
from kubesvc.terminal.arguments import Duration, name_option, namespace_option
from kubesvc.terminal.bench.arguments import BenchArguments
from kubesvc.terminal.bench.simulationoptions import simulation_options


class Seconds(Duration):
    """A Go duration, or a plain number of seconds."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        from kubeapi.serialization.duration import parse_seconds

        seconds = parse_seconds(value) if isinstance(value, str) else None
        return super().convert(value if seconds is None else seconds, param, ctx)


@click.command(short_help="Put load on a Service; say what its clients saw.")
@click.argument("service", metavar="svc/NAME[:PORT]", default="", shell_complete=completing.service_names)
@click.option("--rate", default="", help="Requests that are due per second: 500/s, 30/m.  [default: 100/s]")
@click.option("--ramp", default="", metavar="FIRST..LAST", help="A rate that goes evenly from one to another.")
@click.option("--step", "steps", default="", metavar="RATE,RATE,...", help="Rates one after the other, equally long.")
@click.option("--closed", type=click.IntRange(1, 4096), default=None, help="So many clients, each waits for answers.")
@click.option("--replay", default="", metavar="FILE", help="Requests are due at the seconds on the lines of a file.")
@click.option("--poisson", "is_poisson", is_flag=True, help="Space arrivals by chance instead of evenly.")
@click.option("--duration", type=Seconds(), default="10s", show_default=True, help="How long is measured.")
@click.option("--warmup", type=Seconds(), default="1s", show_default=True, help="How long is not, before that.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of everything by chance.")
@click.option("--http", "path", default=None, metavar="PATH", help="GET a path over HTTP/1.1.  [default: /]")
@click.option("--tcp", "is_tcp", is_flag=True, help="A TCP connection per request: send --payload, want any bytes.")
@click.option("--udp", "is_udp", is_flag=True, help="Send --payload as a datagram, want one.")
@click.option("--dns", "dns_name", default=None, metavar="DNS-NAME", help="Query for the addresses of a name.")
@click.option("--payload", default="", help="What --tcp and --udp send.  [default: hostname and a newline]")
@click.option(
    "--connections",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Connections (UDP: flows) that are open from the beginning; more are opened when all are busy.",
)
@click.option(
    "--max-connections",
    "most_connections",
    type=click.IntRange(1, 4096),
    default=4096,
    show_default=True,
    help="No more at any time; a request that is due while all are busy waits.",
)
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="One more header of HTTP requests.")
@click.option(
    "--keys",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="A {} in a path or a header is a number below this one, by chance.",
)
@click.option(
    "--sources",
    type=click.IntRange(0, 10_000),
    default=0,
    help="Connections come from so many addresses in turn, where the Service hashes clients' addresses.",
)
@click.option("--new-connections", "has_new_connections", is_flag=True, help="A new connection (flow) per request.")
@click.option("--timeout", type=Seconds(), default="5s", show_default=True, help="When a request has failed.")
@click.option(
    "--compare",
    default="",
    metavar="NAME,NAME,...",
    help="Give the Service these algorithms in turns, and say which is better than the first, and how sure that is.",
)
@click.option(
    "--blocks", type=click.IntRange(1, 1000), default=10, show_default=True, help="How often --compare measures each."
)
@click.option("--slo", default="", metavar="p99=50ms,errors=0.1%", help="Objectives; exit status 99 if one is broken.")
@click.option("--json", "json_file", default="", metavar="FILE", help="Write everything as JSON; - for stdout.")
@click.option(
    "--hdr", "hdr_file", default="", metavar="FILE", help="Write HdrHistogram's log, or to FILE.hgrm its plot."
)
@click.option("--html", "html_file", default="", metavar="FILE", help="Write a page that needs no network.")
@simulation_options
@click.option("--inside", "is_inside", is_flag=True, help="Send from the first node, inside the cluster's network.")
@namespace_option
@name_option
def bench(service: str, **given: Unpack[BenchArguments]) -> None:
    """Put load on a Service of a running cluster, as clients on this machine; say what they saw.

    An open loop sends requests when they are due, however long others take, and their latency counts from then: a
    client that waits for slow answers before it asks again does not see how slow they are. Beside it is the latency
    from the moment of sending, as other tools print it.

    \b
    kubesvc bench svc/web --rate 500/s --duration 30s
    kubesvc bench svc/web --ramp 100..2000 --poisson --slo p99=50ms,errors=0.1%
    kubesvc bench svc/web --closed 64 --new-connections
    kubesvc bench svc/web --compare round_robin,least_request,least_request:choices=5 --html page.html
    kubesvc bench svc/web --simulate --rate 500/s
    kubesvc bench --backends '10 x lognormal(20ms, 0.5); slots 8' --compare rr,least_request --rate 2000/s
    kubesvc bench --reproduce R1
    kubesvc bench svc/kube-dns -n kube-system --dns web.default.svc.cluster.local
    """  # noqa: D301  click's mark for lines that stay as they are is a real backspace
    sys.exit(_run(service, given))


def _check_sockets(given: BenchArguments) -> None:
    """Raise UsageError for what only a simulation has."""
    if given["has_sockets"]:
        raise click.UsageError("--sockets goes with --reproduce; without --simulate a bench is on sockets anyway")
    only = {"--balancer": given["balancer"], "--clients": given["clients"] > 1, "--delay": given["delay"]}
    for option, value in only.items():
        if value:
            raise click.UsageError(f"{option} is for a simulation: add --simulate")


def _check_alone() -> None:
    """Raise UsageError for an argument that --reproduce makes meaningless."""
    context = click.get_current_context()
    for each in context.command.params:
        name = each.opts[-1] if isinstance(each, click.Option) else each.make_metavar(context)
        if name not in ("--reproduce", "--sockets") and _is_given(each.name or ""):
            raise click.UsageError(f"--reproduce has conditions of its own: leave out {name}")


def _is_given(argument: str) -> bool:
    return click.get_current_context().get_parameter_source(argument) is ParameterSource.COMMANDLINE


def _run(service: str, given: BenchArguments) -> int:
    """Return the exit status; each way has its imports, which take longer than some of them."""
    if given["reproduce"]:
        _check_alone()
        from kubesvc.terminal.bench.reproducing import run_reproductions

        return run_reproductions(given["reproduce"], has_sockets=given["has_sockets"])
    if _is_given("blocks") and not given["compare"]:
        raise click.UsageError("--blocks is how often --compare measures each algorithm: name some with --compare")
    if given["is_both"]:
        from kubesvc.terminal.bench.both import run_both

        return run_both(service, given)
    if given["is_simulated"] or given["backends"] or given["file"]:
        from kubesvc.terminal.bench.simulating import run_simulation

        return run_simulation(service, given)
    _check_sockets(given)
    from kubesvc.terminal.bench.running import run_bench

    return run_bench(service, given)
