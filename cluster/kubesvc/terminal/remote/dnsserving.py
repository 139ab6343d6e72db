"""Runs `kubesvc dns` in this process."""

from __future__ import annotations

import os

from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.dns.configuration import DiskFiles, DNSOptions, read_configuration
from kubesvc.remote.user import User
from kubesvc.terminal.console import EXIT_BAD_INPUT
from kubesvc.terminal.remote.following import run_until_stopped, say, settle


def serve_dns(options: DNSOptions) -> int:
    """Answer until the user ends it; returns the exit status. Nothing is opened for a bad configuration."""
    try:
        configuration = read_configuration(options, os.environ, DiskFiles())
    except CorefileError as error:
        for each in error.faults:
            say(each)
        return EXIT_BAD_INPUT
    from kubesvc.remote.dns.serving import run_dns

    return run_until_stopped(lambda stop: run_dns(options, configuration, User(say, settle), stop))
