"""Addresses in texts: ``127.0.0.1:80`` and ``[::1]:80`` (RFC 3986 3.2.2; Go's net.JoinHostPort)."""

from __future__ import annotations


def join_host_port(host: str, port: int | str) -> str:
    """Return ``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bracketed(host: str) -> str:
    """Return the host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
