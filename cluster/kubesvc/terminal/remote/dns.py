"""`kubesvc dns`: the command line."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

if TYPE_CHECKING:
    from kubehost.addresses import Address


class Place(click.ParamType["Address"]):
    """``ADDRESS:PORT``, IPv6 in brackets, as an address to listen on."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Return the address and the port."""
        from ipaddress import ip_address

        if isinstance(value, tuple):
            return value[0], value[1]
        host, _, port = value.rpartition(":")
        try:
            address = str(ip_address(host.strip("[]")))
        except ValueError:
            address = ""
        if not address or not port.isdecimal() or int(port) > 65535:
            self.fail(
                f'{value!r} is no address with a port; write it like "127.0.0.1:5353" or "[::1]:5353"', param, ctx
            )
        return address, int(port)


class Zone(click.ParamType[str]):
    """A domain name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the zone in lower case."""
        from kubesvc.remote.corefile.names import ROOT, read_zones

        try:
            (zone,) = read_zones(value)
        except ValueError:
            zone = ROOT
        if zone == ROOT:
            self.fail(f'{value!r} is no name of a zone; write it like "cluster.local"', param, ctx)
        return zone


class Upstream(click.ParamType[str]):
    """``ADDRESS`` or ``ADDRESS:PORT`` of a name server."""

    name = "upstream"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, as a Corefile has it."""
        from kubesvc.remote.corefile.values import read_upstream

        if read_upstream(value) is None:
            self.fail(f'{value!r} is no IP address; write it like "192.0.2.53" or "[2001:db8::53]:5353"', param, ctx)
        return str(value)


class DNSArguments(TypedDict):
    """The arguments of `kubesvc dns`, named as in ``DNSOptions``."""

    kubeconfig: str
    context: str
    config: str
    zone: str | None
    upstreams: tuple[str, ...]
    listen: tuple[Address, ...]


@click.command(short_help="Be CoreDNS for a real cluster.")
@click.option(
    "--kubeconfig", default="", metavar="FILE", help="The cluster's; else as kubectl finds it, or a pod's own."
)
@click.option("--context", default="", metavar="NAME", help="Its context; the current one unless given.")
@click.option("--config", default="", metavar="COREFILE", help="CoreDNS' configuration; the options here go before it.")
@click.option(
    "--zone",
    type=Zone(),
    default=None,
    metavar="ZONE",
    help="Without --config: the cluster's zone; else cluster.local.",
)
@click.option(
    "--upstream",
    "upstreams",
    type=Upstream(),
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="Without --config: a name server for all other names; else those of /etc/resolv.conf.",
)
@click.option(
    "--listen", type=Place(), multiple=True, metavar="ADDRESS:PORT", help="Where to answer; else port 53 everywhere."
)
def dns(**given: Unpack[DNSArguments]) -> None:
    """Answer for the names of a real cluster, as CoreDNS does, until Ctrl-C or SIGTERM."""
    if given["config"] and (given["zone"] or given["upstreams"]):
        message = "--zone and --upstream are for a start without --config; write them in the Corefile"
        raise click.UsageError(message)
    gc.disable()  # until all is known: what is imported stays
    from kubesvc.remote.dns.configuration import DNSOptions
    from kubesvc.terminal.remote.dnsserving import serve_dns

    sys.exit(serve_dns(DNSOptions(**given)))
