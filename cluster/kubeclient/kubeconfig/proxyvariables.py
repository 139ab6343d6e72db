"""Which proxy the environment names for a server: HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Pure.

As Go reads them (golang.org/x/net ``http/httpproxy``), and so kubectl: upper case first, networks in NO_PROXY, and no
proxy for this machine itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """Return the URL of the proxy for a server, "" if there is none."""
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name) or ""
    host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    if not proxy or _is_local(host):
        return ""
    spared = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_matches(each.strip().lower(), host, port) for each in spared.split(",")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _matches(pattern: str, host: str, port: int) -> bool:
    """Tell whether one of NO_PROXY's names, addresses or networks means a host."""
    if pattern == "*":
        return True
    address = _address(host)
    if "/" in pattern:
        try:
            return address is not None and address in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return False
    name, _, only = pattern.rpartition(":") if pattern.count(":") == 1 else (pattern, "", "")
    if not name or (only and only != str(port)):
        return False
    if address is not None:
        return _address(name.strip("[]")) == address
    domain = name.removeprefix("*").removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not name.startswith((".", "*")))
