"""The commands that query: status, explain, trace, connections, logs and doctor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from kubesvc.escaping import escaped, escaped_values
from kubesvc.terminal import completing
from kubesvc.terminal.arguments import (
    ask,
    explained_name,
    json_text,
    name_option,
    namespace_option,
    present,
    service_name,
    state_of,
    text_or_json,
)

if TYPE_CHECKING:
    from kubesvc.control.client import ControlClient


@click.command(short_help="Show Services, their addresses and endpoints, and pods.")
@click.option("-n", "--namespace", default="", help="Only this namespace.")
@name_option
@click.option("-o", "--output", type=click.Choice(["table", "wide", "json"]), default="table", show_default=True)
def status(namespace: str, name: str, output: str) -> None:
    """Show the Services, where they listen, their endpoints and the pods."""
    document = ask(name, lambda cluster: cluster.status())
    if namespace:
        for kind in ("services", "ingresses", "pods", "warnings"):
            document[kind] = [each for each in document[kind] if each["namespace"] == namespace]
    from kubesvc.terminal.text import colours
    from kubesvc.terminal.text.printers import status_text

    present(document, output, lambda each: colours.of(sys.stdout)(status_text(each, is_wide=output == "wide")))


@click.command(short_help="Say why a Service has no endpoints, or where it leads.")
@click.argument("service", metavar="svc/NAME|ingress/NAME", shell_complete=completing.service_names)
@namespace_option
@name_option
@text_or_json
def explain(service: str, namespace: str, name: str, output: str) -> None:
    """Say why a Service has no endpoints, or where each of its addresses leads; or each path of an Ingress."""
    wanted = explained_name(service)
    document = ask(name, lambda cluster: cluster.explain(namespace, wanted))
    from kubesvc.terminal.text.explanations import explanation_text

    present(document, output, explanation_text)


class TraceArguments(TypedDict):
    """The arguments of `kubesvc trace` that say which cluster is asked, and how the answer is printed."""

    namespace: str
    name: str
    output: str
    header: tuple[str, ...]
    path: str


class LogsArguments(TypedDict):
    """The options of `kubesvc logs`."""

    follow: bool
    container: str
    previous: bool
    tail: int | None
    timestamps: bool


@click.command(short_help="Say what a packet meets on its way, or how DNS answers.")
@click.argument("source", metavar="SRC|NAME", shell_complete=completing.trace_sources)
@click.argument("destination", metavar="DST|[TYPE]", required=False, shell_complete=completing.trace_destinations)
@click.option("--dns", "is_dns", is_flag=True, help="Say how a name is answered; TYPE is A unless given.")
@click.option("--path", default="", help="With an HTTP request for this path, such as '/cart?user=ada'.")
@click.option("-H", "--header", multiple=True, help="With an HTTP request with this field, such as 'X-User: ada'.")
@namespace_option
@name_option
@text_or_json
def trace(source: str, destination: str | None, is_dns: bool, **given: Unpack[TraceArguments]) -> None:
    """Say what a packet from SRC to DST meets, or with --dns how a NAME is answered; nothing is sent.

    \b
    SRC   an address, pod/NAME, node/NAME, or outside (a shell on this machine)
    DST   svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT; /udp at the end where it is not TCP
    \b
    kubesvc trace pod/client svc/web:80
    kubesvc trace outside 127.0.0.1:30080
    kubesvc trace outside svc/web:80 -H 'Cookie: POD=e97f36af66aa0bb9'
    kubesvc trace --dns web SRV
    """  # noqa: D301  click's mark for lines that stay as they are is a real backspace
    from kubesvc.terminal.text import traces

    name, namespace = given["name"], given["namespace"]
    if is_dns:
        document = ask(name, lambda cluster: cluster.trace_dns(namespace, source, destination or "A"))
        text = traces.dns_text
    elif destination is None:
        message = "a packet needs a destination as well: kubesvc trace SRC DST; a name is traced with --dns"
        raise click.UsageError(message)
    else:
        wanted = destination
        head = _request_head(given["path"], given["header"])
        document = ask(name, lambda cluster: cluster.trace(namespace, source, wanted, head))
        text = traces.trace_text
    present(document, given["output"], text)


def _request_head(path: str, headers: Sequence[str]) -> str:
    """Return the head of the request that a trace is asked for, "" for none."""
    if not path and not headers:
        return ""
    host = () if any(each.lower().startswith("host:") for each in headers) else ("Host: kubesvc",)
    return "\r\n".join((f"GET {path or '/'} HTTP/1.1", *host, *headers, "", ""))


@click.command(short_help="Show where the last 1000 connections went, and why there.")
@click.argument("service", metavar="[svc/NAME]", required=False, shell_complete=completing.service_names)
@click.option(
    "-n", "--namespace", default="", help="Namespace: of the Service, or all of one.  [default: default, or all]"
)
@click.option("-w", "--watch", is_flag=True, help="Keep printing: each connection as it begins and as it ends.")
@name_option
@text_or_json
def connections(service: str | None, namespace: str, watch: bool, name: str, output: str) -> None:
    """Show the last 1000 connections, UDP flows and HTTP requests: where each was sent, and why there.

    Clients that the kernel refuses or does not hear (no endpoints, a policy Local) never reach the proxy.
    """
    from kubesvc.terminal.text.connections import ConnectionLines, connection_table

    wanted = (namespace or "default", service_name(service)) if service else (namespace, "")
    document = ask(name, lambda cluster: cluster.connections(*wanted))
    for note in document["notes"]:
        click.echo(f"kubesvc: {escaped(note)}", err=True)
    if not watch:
        present(document, output, lambda each: connection_table(each["connections"]))
        return
    lines = ConnectionLines(escaped_values(document["connections"]))

    def copy(cluster: ControlClient) -> None:
        if output != "json":
            click.echo(lines.header())
        for each in cluster.follow_connections(*wanted):
            click.echo(json_text(each) if output == "json" else lines.line(escaped_values(each)))

    ask(name, copy)


@click.command(short_help="Print what a pod wrote, or a pod of a Deployment.")
@click.argument("target", metavar="POD|deployment/NAME", shell_complete=completing.log_targets)
@click.option("-f", "--follow", is_flag=True, help="Keep printing what the pod writes.")
@click.option("-c", "--container", default="", help="The container, if the pod has several.")
@click.option("--previous", is_flag=True, help="The log before the last restart.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last lines.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@namespace_option
@name_option
def logs(target: str, namespace: str, name: str, **given: Unpack[LogsArguments]) -> None:
    """Print what a pod wrote, or the pod of a Deployment, ReplicaSet or Service that kubectl would choose."""
    query = {"namespace": namespace, "pod": target.removeprefix("pod/"), "container": given["container"]}
    for flag in ("follow", "previous", "timestamps"):
        if given[flag]:
            query[flag] = "true"
    if given["tail"] is not None:
        query["tailLines"] = str(given["tail"])

    def copy(cluster: ControlClient) -> None:
        if "/" in query["pod"]:
            chosen = cluster.choose_pod(namespace, target)
            query["pod"] = chosen["pod"]
            if chosen["matching"] > 1:
                click.echo(f"Found {chosen['matching']} pods, using pod/{chosen['pod']}", err=True)
        for chunk in cluster.logs(**query):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()

    ask(name, copy)


@click.command(short_help="Say what this machine does not allow, and how to fix it.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@name_option
@text_or_json
def doctor(paths: tuple[str, ...], name: str, output: str) -> None:
    """Say what this machine allows, and how to fix what it does not."""
    from kubesvc.doctor import run_doctor
    from kubesvc.terminal.text.checklist import checklist_text

    document = run_doctor(paths, state_of(name))
    present(document, output, checklist_text)
    sys.exit(int(document["status"] == "fail"))
