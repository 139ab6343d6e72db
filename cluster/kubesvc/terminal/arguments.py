"""Shared parts of the commands: option types, querying a cluster, printing and failing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kubesvc.escaping import escaped, escaped_values

if TYPE_CHECKING:
    from kubesvc.control.client import ControlClient
    from kubesvc.state.directory import StateDirectory

T = TypeVar("T")


class Duration(click.ParamType[float]):
    """A Go duration such as ``30s`` or ``1m30s``, in seconds; ``0`` stands for no limit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        from kubeapi.serialization.duration import parse_duration

        seconds: float | None = value if isinstance(value, float) else parse_duration(value)
        if seconds is None:
            self.fail(f'{value!r} is not a duration; write it like "30s", "1m30s" or "500ms"', param, ctx)
        return seconds


def _check_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from kubesvc.state.directory import is_cluster_name

    if not is_cluster_name(value):
        message = f"{value!r}: a cluster name is a DNS-1123 label: lower case letters, digits and '-', at most 63"
        raise click.BadParameter(message)
    return value


name_option = click.option(
    "--name", default="default", show_default=True, callback=_check_name, help="Name of the cluster."
)
text_or_json = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
namespace_option = click.option("-n", "--namespace", default="default", show_default=True, help="Namespace.")


def fail(message: str, status: int = 1) -> NoReturn:
    """Print a line to stderr and exit."""
    click.echo(f"kubesvc: {escaped(message)}", err=True)
    sys.exit(status)


def present(document: Any, output: str, text: Callable[[Any], str]) -> None:
    """Print a document as JSON or as text. Control characters are escaped in both."""
    click.echo(json_text(document, indent=2) if output == "json" else text(escaped_values(document)))


def json_text(document: Any, indent: int | None = None) -> str:
    """Return a document as JSON, on one line unless ``indent`` says how deep each level is."""
    # Imported here, because the help, which every command line imports first, prints no JSON.
    import json

    return json.dumps(document, indent=indent)


def state_of(name: str) -> StateDirectory:
    """Return the directory of a cluster of this user."""
    from kubesvc.state.directory import StateDirectory, state_root

    return StateDirectory(name, state_root(os.environ))


def ask(name: str, question: Callable[[ControlClient], T]) -> T:
    """Return the running cluster's answer; exits with a message if it refuses or does not answer."""
    from kubesvc.control.client import ControlClient, RefusedError, UnreachableError

    try:
        return question(ControlClient(state_of(name)))
    except (UnreachableError, RefusedError) as error:
        fail(str(error))


def explained_name(text: str) -> str:
    """Return the NAME of svc/NAME, or ingress/NAME as it is."""
    kind, _, name = text.rpartition("/")
    return f"ingress/{name}" if name and kind in ("ing", "ingress", "ingresses") else service_name(text)


def service_name(text: str) -> str:
    """Return the NAME of svc/NAME, service/NAME, services/NAME or NAME."""
    kind, slash, name = text.rpartition("/")
    if not name or (slash and kind not in ("svc", "service", "services")):
        message = f'{text!r}: write it as "svc/NAME"'
        raise click.UsageError(message)
    return name
