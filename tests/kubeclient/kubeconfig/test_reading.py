"""What a kubeconfig says, and what is wrong with it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeclient.kubeconfig.access import ConfigError, ExecPlugin, Impersonation, OpenIDConnect, Pem, Server, User
from kubeclient.kubeconfig.reading import KubeconfigFile, read_kubeconfig

HOME = Path("/home/me/.kube")
SERVER = "https://api.test:6443"
BYTES = base64.b64encode(b"PEM").decode()


def config(cluster: JSON | None = None, user: JSON | None = None, name: str = "one", **context: Any) -> JSON:
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **context}}],
        "clusters": [{"name": name, "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": name, "user": user or {}}],
    }


def read(*contents: Any, context: str = "") -> Any:
    files = [KubeconfigFile(HOME / f"config{number or ''}", each) for number, each in enumerate(contents)]
    return read_kubeconfig(files, context)


CLUSTERS = {
    "plain": ({}, Server(SERVER)),
    "slash": ({"server": "https://rancher.test/k8s/clusters/c-1/"}, Server("https://rancher.test/k8s/clusters/c-1")),
    "no-scheme": ({"server": "localhost:8080"}, Server("http://localhost:8080")),
    "inline-ca": ({"certificate-authority-data": BYTES}, Server(SERVER, Pem(b"PEM"))),
    "ca-file": ({"certificate-authority": "ca.crt"}, Server(SERVER, Pem(file="/home/me/.kube/ca.crt"))),
    "absolute-ca": ({"certificate-authority": "/etc/ca.crt"}, Server(SERVER, Pem(file="/etc/ca.crt"))),
    "inline-first": ({"certificate-authority": "x", "certificate-authority-data": BYTES}, Server(SERVER, Pem(b"PEM"))),
    "insecure": ({"insecure-skip-tls-verify": True}, Server(SERVER, is_insecure=True)),
    "name": ({"tls-server-name": "inner.test"}, Server(SERVER, name="inner.test")),
    "proxy": ({"proxy-url": "http://proxy.test:3128"}, Server(SERVER, proxy="http://proxy.test:3128")),
    "unknown": ({"disable-compression": True, "new-field": 1}, Server(SERVER)),
}


@pytest.mark.parametrize(("cluster", "server"), CLUSTERS.values(), ids=CLUSTERS)
def test_a_cluster_says_where_its_server_is(cluster: JSON, server: Server) -> None:
    assert read(config(cluster)).server == server


EXEC = {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "IfAvailable"}
OIDC = {"idp-issuer-url": "https://id.test", "client-id": "c", "id-token": "i", "refresh-token": "r"}
USERS = {
    "nobody": ({}, User()),
    "token": ({"token": "t\n"}, User(token="t")),
    "token-file": ({"tokenFile": "token"}, User(token_file="/home/me/.kube/token")),
    "password": ({"username": "u", "password": "p"}, User(username="u", password="p")),
    "certificate": (
        {"client-certificate-data": BYTES, "client-key": "key.pem"},
        User(certificate=Pem(b"PEM"), key=Pem(file="/home/me/.kube/key.pem")),
    ),
    "exec": (
        {"exec": {**EXEC, "args": ["token", "-i"], "env": [{"name": "A", "value": "b"}], "provideClusterInfo": True}},
        User(plugin=ExecPlugin("aws", ("token", "-i"), {"A": "b"}, EXEC["apiVersion"], True)),
    ),
    "exec-beside": (
        {"exec": {**EXEC, "command": "./bin/login"}},
        User(plugin=ExecPlugin("/home/me/.kube/bin/login", (), {}, EXEC["apiVersion"], False)),
    ),
    "oidc": (
        {"auth-provider": {"name": "oidc", "config": OIDC}},
        User(oidc=OpenIDConnect("https://id.test", "c", "", "i", "r", Pem())),
    ),
    "impersonation": (
        {"as": "jane", "as-uid": "7", "as-groups": ["dev"], "as-user-extra": {"scope": ["a", "b"]}},
        User(acts_as=Impersonation("jane", "7", ("dev",), (("scope", ("a", "b")),))),
    ),
}


@pytest.mark.parametrize(("entry", "user"), USERS.values(), ids=USERS)
def test_a_user_says_how_to_ask(entry: JSON, user: User) -> None:
    assert read(config(user=entry)).user == user


def test_a_context_has_a_namespace() -> None:
    assert read(config()).namespace == "default"
    assert read(config(namespace="shop")).namespace == "shop"


def test_of_several_files_the_first_that_has_a_name_says_what_it_means() -> None:
    first = {**config(), "current-context": ""}
    second = config({"server": "https://other.test"}, name="one")
    third = config({"server": "https://third.test", "certificate-authority": "ca"}, name="three")
    found = read(first, second, third)
    assert (found.context, found.server.url) == ("one", SERVER)
    found = read(first, second, third, context="three")
    assert (found.server.authority.file, found.source) == ("/home/me/.kube/ca", "/home/me/.kube/config2")


def test_lists_may_be_missing_or_empty() -> None:
    assert read(None, {"users": None}, config()).context == "one"


FAULTS: dict[str, tuple[Any, str, str]] = {
    "no-current": ({**config(), "current-context": ""}, "", "there is no current-context; name one with --context"),
    "empty": (None, "", "there is no current-context; name one with --context; it has no contexts"),
    "no-such": (
        config(name="production"),
        "prodution",
        "there is no context 'prodution'; did you mean \"production\"?",
    ),
    "others": (config(), "zz", "there is no context 'zz'; there are: one"),
    "no-cluster": ({**config(), "clusters": []}, "", "contexts[0].context.cluster: there is no cluster 'one'"),
    "no-user": ({**config(), "users": []}, "", "contexts[0].context.user: there is no user 'one'"),
    "list": ([], "", "kubeconfig: must be a mapping"),
    "contexts": ({"contexts": {}, "current-context": "x"}, "", "kubeconfig.contexts: must be a list"),
    "server": (config({"server": "ftp://x"}), "", "clusters[0].cluster.server: 'ftp://x' is no URL of an API server"),
    **{
        f"server {url}": (
            config({"server": url}),
            "",
            f"clusters[0].cluster.server: {url!r} is no URL of an API server",
        )
        for url in ("https://:6443", "https://a:99999", "https://a:b", "https://a:0", "https://[::1", "https://u:p@a")
    },
    "no-server": (config({"server": ""}), "", "clusters[0].cluster.server: '' is no URL"),
    "number": (config({"server": 7}), "", "clusters[0].cluster.server: must be a string"),
    "base64": (config({"certificate-authority-data": "%"}), "", "certificate-authority-data: is not base64"),
    "both": (
        config({"insecure-skip-tls-verify": True, "certificate-authority": "x"}),
        "",
        "insecure-skip-tls-verify: cannot stand beside certificate-authority",
    ),
    "flag": (config({"insecure-skip-tls-verify": "yes"}), "", "insecure-skip-tls-verify: must be true or false"),
    "proxy-of-no-port": (config({"proxy-url": "http://x:99999"}), "", "only http:// and https:// proxies"),
    "server-of-no-name": (config({"server": "https://\xad:1"}), "", "is no URL of an API server"),
    "socks": (config({"proxy-url": "socks5://x:1"}), "", "only http:// and https:// proxies"),
    "half": (config(user={"client-key": "k"}), "", "users[0].user.client-key: needs client-certificate"),
    "no-command": (config(user={"exec": {**EXEC, "command": ""}}), "", "user.exec.command: must name a program"),
    "old": (
        config(user={"exec": {**EXEC, "apiVersion": "v1alpha1"}}),
        "",
        "exec.apiVersion: 'v1alpha1' is not supported",
    ),
    "always": (config(user={"exec": {**EXEC, "interactiveMode": "Always"}}), "", "Always needs a terminal"),
    "two-ways": (config(user={"exec": EXEC, "auth-provider": {}}), "", "exec: cannot stand beside auth-provider"),
    "gcp": (config(user={"auth-provider": {"name": "gcp"}}), "", "'gcp' was removed from kubectl in 1.26"),
    "oidc": (config(user={"auth-provider": {"name": "oidc"}}), "", "auth-provider.config: must have idp-issuer-url"),
    "env": (config(user={"exec": {**EXEC, "env": ["A=b"]}}), "", "users[0].user.exec.env: must be a mapping"),
}


@pytest.mark.parametrize(("content", "context", "text"), FAULTS.values(), ids=FAULTS)
def test_what_kubectl_would_refuse_is_refused_with_its_place(content: Any, context: str, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(content, context=context)
    assert str(HOME / "config") in str(refused.value)
    assert text in str(refused.value)
