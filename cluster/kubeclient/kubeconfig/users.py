"""The user of a kubeconfig. Pure. Follows client-go ``tools/clientcmd/api`` AuthInfo."""

from __future__ import annotations

from typing import Any

from kubeclient.kubeconfig.access import ExecPlugin, Impersonation, OpenIDConnect, User
from kubeclient.kubeconfig.entries import Entry

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
"""Of ExecCredential; v1alpha1 is gone since Kubernetes 1.24."""
EXEC_EXTENSION = "client.authentication.k8s.io/exec"
"""The extension of a cluster that a plugin is told of."""


def read_user(user: Entry, cluster: Entry) -> User:
    """Return what a user's entry says; ConfigError for what kubectl would refuse as well."""
    certificate, key = user.pem("client-certificate"), user.pem("client-key")
    if bool(certificate) != bool(key):
        given, missing = ("client-certificate", "client-key") if certificate else ("client-key", "client-certificate")
        raise user.error(given, f"needs {missing} (or {missing}-data) beside it")
    plugin, provider = user.child("exec"), user.child("auth-provider")
    if plugin is not None and provider is not None:
        raise user.error("exec", "cannot stand beside auth-provider: remove one of the two")
    return User(
        certificate=certificate,
        key=key,
        token=user.text("token").strip(),
        token_file=user.path("tokenFile"),
        username=user.text("username"),
        password=user.text("password"),
        plugin=None if plugin is None else _plugin(plugin, cluster),
        oidc=None if provider is None else _oidc(provider),
        acts_as=_impersonation(user),
    )


def _plugin(entry: Entry, cluster: Entry) -> ExecPlugin:
    command, version = entry.text("command"), entry.text("apiVersion")
    if not command:
        raise entry.error("command", "must name a program")
    if version not in API_VERSIONS:
        raise entry.error("apiVersion", f"{version!r} is not supported; it must be one of {', '.join(API_VERSIONS)}")
    if entry.text("interactiveMode") == "Always":
        raise entry.error("interactiveMode", "Always needs a terminal, which this command cannot give to the plugin")
    return ExecPlugin(
        # As client-go: a name is looked up in PATH, a relative path is relative to the file.
        command=entry.path("command") if "/" in command else command,
        args=tuple(str(each) for each in entry.items("args")),
        env=dict(_pair(entry, each) for each in entry.items("env")),
        api_version=version,
        has_cluster=entry.flag("provideClusterInfo"),
        install_hint=entry.text("installHint"),
        cluster_config=_extension(cluster),
    )


def _pair(entry: Entry, item: Any) -> tuple[str, str]:
    pair = Entry(entry.file, f"{entry.place}.env", item)
    return pair.text("name"), pair.text("value")


def _extension(cluster: Entry) -> object:
    for item in cluster.items("extensions"):
        if isinstance(item, dict) and item.get("name") == EXEC_EXTENSION:
            return item.get("extension")
    return None


def _oidc(provider: Entry) -> OpenIDConnect:
    name, config = provider.text("name"), provider.child("config")
    if name != "oidc":
        message = f"{name!r} was removed from kubectl in 1.26; use the provider's exec plugin (exec: in place of it)"
        raise provider.error("name", message)
    if config is None:
        raise provider.error("config", "must have idp-issuer-url, client-id and id-token")
    return OpenIDConnect(
        issuer=config.text("idp-issuer-url"),
        client_id=config.text("client-id"),
        client_secret=config.text("client-secret"),
        id_token=config.text("id-token"),
        refresh_token=config.text("refresh-token"),
        authority=config.pem("idp-certificate-authority"),
    )


def _impersonation(user: Entry) -> Impersonation:
    extra = user.child("as-user-extra")
    return Impersonation(
        user=user.text("as"),
        uid=user.text("as-uid"),
        groups=tuple(str(each) for each in user.items("as-groups")),
        extra=()
        if extra is None
        else tuple((name, tuple(str(each) for each in extra.items(name))) for name in sorted(extra.content)),
    )
