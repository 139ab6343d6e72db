"""How to reach an API server, and as which user: what one context of a kubeconfig says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ConfigError(Exception):
    """The server to use, or the user, cannot be read; the text says what is wrong, where, and how to mend it."""


class Pem(NamedTuple):
    """A certificate or key: its bytes, the file that has them, or both once it is read; neither if there is none."""

    content: bytes = b""
    file: str = ""

    def __bool__(self) -> bool:
        return bool(self.content or self.file)


NO_PEM = Pem()


class ExecPlugin(NamedTuple):
    """A program that prints credentials (client.authentication.k8s.io ExecCredential)."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    api_version: str
    has_cluster: bool
    """Whether the program is told of the cluster (provideClusterInfo)."""
    install_hint: str = ""
    cluster_config: object = None
    """The extension ``client.authentication.k8s.io/exec`` of the cluster, for the program."""


class OpenIDConnect(NamedTuple):
    """An ``auth-provider`` of the name oidc."""

    issuer: str
    client_id: str
    client_secret: str
    id_token: str
    refresh_token: str
    authority: Pem


class Impersonation(NamedTuple):
    """The user to act as (``as``, ``as-uid``, ``as-groups``, ``as-user-extra``)."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


NOBODY_ELSE = Impersonation()


class User(NamedTuple):
    """The user that asks. One of the ways is used: token file, token, password, plugin, OpenID Connect."""

    certificate: Pem = NO_PEM
    key: Pem = NO_PEM
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    plugin: ExecPlugin | None = None
    oidc: OpenIDConnect | None = None
    acts_as: Impersonation = NOBODY_ELSE


class Server(NamedTuple):
    """Where the API server is. ``url`` has no slash at its end; ``name`` is tls-server-name, "" for the URL's host."""

    url: str
    authority: Pem = NO_PEM
    is_insecure: bool = False
    name: str = ""
    proxy: str = ""


class Access(NamedTuple):
    """One context: the server, the user and the namespace. ``source`` is the file, or where else it is from."""

    context: str
    server: Server
    user: User
    namespace: str
    source: str
