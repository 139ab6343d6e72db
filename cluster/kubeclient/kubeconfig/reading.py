"""From kubeconfig files to the Access of one context. Pure; IO reads the files.

Of several files the first that has a name, or a current-context, says what it means, and paths in a file are relative
to its folder, as in client-go (``tools/clientcmd/loader.go``, ``client_config.go``). What kubectl would refuse is
refused; fields that it does not know are left out, as it does.

No library reads it: kubernetes_asyncio 36 needs its whole client for that (35 MiB of memory, 2,600 files) and takes
another cluster than kubectl does (findings/kubernetes-asyncio-last-context.sh), kr8s 0.20 leaves keys in /tmp, renews
nothing, lightkube 1.0 has no KUBECONFIG lists, no exec plugins of v1, no proxy-url.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kubeapi.similar import did_you_mean
from kubeclient.endpoint import is_url
from kubeclient.kubeconfig.access import Access, ConfigError, Server, User
from kubeclient.kubeconfig.entries import Entry
from kubeclient.kubeconfig.users import read_user

DEFAULT_NAMESPACE = "default"


class KubeconfigFile(NamedTuple):
    """A kubeconfig: its path, absolute, and its content as JSON."""

    path: Path
    content: Any


def read_kubeconfig(files: Sequence[KubeconfigFile], context: str = "") -> Access:
    """Return the access of a context ("": the current one); ConfigError if it cannot be used."""
    merged = _Merged(files)
    name = context or merged.current
    if not name:
        raise ConfigError(
            f"{merged.where}: there is no current-context; name one with --context{merged.offer(context)}"
        )
    chosen = merged.find("contexts", "context", name)
    if chosen is None:
        raise ConfigError(f"{merged.where}: there is no context {name!r}{merged.offer(name)}")
    cluster = merged.find("clusters", "cluster", chosen.text("cluster"))
    if cluster is None:
        raise chosen.error("cluster", f"there is no cluster {chosen.text('cluster')!r} in {merged.where}")
    user = merged.find("users", "user", chosen.text("user")) if chosen.text("user") else None
    if user is None and chosen.text("user"):
        raise chosen.error("user", f"there is no user {chosen.text('user')!r} in {merged.where}")
    return Access(
        context=name,
        server=_server(cluster),
        user=User() if user is None else read_user(user, cluster),
        namespace=chosen.text("namespace") or DEFAULT_NAMESPACE,
        source=str(chosen.file),
    )


def _server(cluster: Entry) -> Server:
    url = cluster.text("server").rstrip("/")
    if not url.startswith(("http://", "https://")):
        url = f"http://{url}" if url and "://" not in url else url
    if not _is_url_of_server(url):
        raise cluster.error("server", f"{url!r} is no URL of an API server (https://HOST:PORT)")
    authority, is_insecure = cluster.pem("certificate-authority"), cluster.flag("insecure-skip-tls-verify")
    if authority and is_insecure:
        message = "cannot stand beside certificate-authority: remove one of the two, kubectl refuses both as well"
        raise cluster.error("insecure-skip-tls-verify", message)
    proxy = cluster.text("proxy-url")
    if proxy and not is_url(proxy):
        raise cluster.error("proxy-url", f"{proxy!r}: only http:// and https:// proxies are supported here")
    return Server(url, authority, is_insecure, cluster.text("tls-server-name"), proxy)


def _is_url_of_server(url: str) -> bool:
    """Tell whether a URL has a host, a port that there can be, and no credentials, which belong to the user's entry."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return is_url(url) and has_port and parts.username is None


class _Merged:
    """The entries of all files, by name."""

    def __init__(self, files: Sequence[KubeconfigFile]) -> None:
        self.where = ", ".join(str(each.path) for each in files)
        self._files = [Entry(each.path, "kubeconfig", each.content) for each in files]
        self.current = next((found for each in self._files if (found := each.text("current-context"))), "")

    def _entries(self, listed: str) -> dict[str, tuple[Entry, Any]]:
        found: dict[str, tuple[Entry, Any]] = {}
        for file in self._files:
            for index, item in enumerate(file.items(listed)):
                entry = Entry(file.file, f"{listed}[{index}]", item)
                found.setdefault(entry.text("name"), (entry, item))
        return found

    def find(self, listed: str, field: str, name: str) -> Entry | None:
        """Return what the first file with that name says of it."""
        found = self._entries(listed).get(name)
        if found is None:
            return None
        entry, item = found
        return Entry(entry.file, f"{entry.place}.{field}", item.get(field))

    def offer(self, name: str) -> str:
        """Return the names of contexts that there are, as the end of a sentence."""
        names = sorted(self._entries("contexts"))
        if not names:
            return "; it has no contexts"
        similar = did_you_mean(name, names) if name else ""
        return f"; {similar}" if similar else f"; there are: {', '.join(names)}"
