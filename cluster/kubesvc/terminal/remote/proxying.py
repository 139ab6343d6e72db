"""Runs `kubesvc proxy` in this process, with kube-proxy's configuration if there is one."""

from __future__ import annotations

import sys

import click

from kubehost.io.namedfiles import read_named_text
from kubesvc.escaping import escaped_entry
from kubesvc.remote.errors import CommandError
from kubesvc.remote.proxy.kubeproxyconfig import KubeProxyConfiguration, read_kube_proxy_configuration
from kubesvc.remote.proxy.settings import ProxyOptions
from kubesvc.remote.user import User
from kubesvc.terminal.arguments import fail
from kubesvc.terminal.console import EXIT_BAD_INPUT, EXIT_WELL
from kubesvc.terminal.remote.following import run_until_stopped, say, settle


def serve_proxy(options: ProxyOptions) -> int:
    """Serve as the proxy until the user ends it, or clean up; returns the exit status."""
    if options.is_cleaning_up:
        return _clean_up()
    file = _read(options.config) if options.config else KubeProxyConfiguration()
    from kubesvc.remote.proxy.serving import run_proxy

    return run_until_stopped(lambda stop: run_proxy(options, file, User(say, settle), stop))


def _clean_up() -> int:
    from kubesvc.remote.proxy.cleanup import clean_up

    try:
        clean_up(say)
    except CommandError as error:
        fail(str(error))
    return EXIT_WELL


def _read(path: str) -> KubeProxyConfiguration:
    try:
        text = read_named_text(path, takes_pipes=True)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        fail(f"--config {path} cannot be read: {reason}", EXIT_BAD_INPUT)
    reading = read_kube_proxy_configuration(text, path)
    if reading.faults:
        for each in reading.faults:
            click.echo(escaped_entry(str(each)), err=True)
        sys.exit(EXIT_BAD_INPUT)
    return reading.configuration
