"""Runs `kubesvc proxy` in this process, with kube-proxy's configuration if there is one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kubesvc.remote.kubeproxyconfig import KubeProxyConfiguration, read_kube_proxy_configuration
from kubesvc.remote.proxysettings import ProxyOptions
from kubesvc.remote.user import User
from kubesvc.terminal.arguments import fail
from kubesvc.terminal.console import EXIT_BAD_INPUT
from kubesvc.terminal.escaping import escaped_entry
from kubesvc.terminal.remoterun import begin, run_until_stopped, say, settle


def serve_proxy(options: ProxyOptions) -> int:
    """Serve as the proxy until the user ends it; returns the exit status."""
    file = _read(options.config) if options.config else KubeProxyConfiguration()
    begin()
    from kubesvc.remote.proxy import run_proxy

    return run_until_stopped(lambda stop: run_proxy(options, file, User(say, settle), stop))


def _read(path: str) -> KubeProxyConfiguration:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        fail(f"--config {path} cannot be read: {reason}", EXIT_BAD_INPUT)
    reading = read_kube_proxy_configuration(text, path)
    if reading.faults:
        for each in reading.faults:
            click.echo(escaped_entry(str(each)), err=True)
        sys.exit(EXIT_BAD_INPUT)
    return reading.configuration
