"""What plugins and tokens say, and until when it holds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubeclient.kubeconfig.access import ConfigError, ExecPlugin, Impersonation, Pem, Server, User
from kubeclient.kubeconfig.credentials import (
    Credential,
    exec_info,
    impersonation_headers,
    read_exec_credential,
    static_credential,
    token_expiry,
)

V1 = "client.authentication.k8s.io/v1"
PLUGIN = ExecPlugin("login", (), {}, V1, False)


def printed(kind: str = "ExecCredential", version: str = V1, **status: Any) -> bytes:
    return json.dumps({"kind": kind, "apiVersion": version, "status": status}).encode()


def test_a_plugin_gives_a_token_or_a_certificate() -> None:
    found = read_exec_credential(printed(token="t", expirationTimestamp="2026-11-29T12:00:00Z"), PLUGIN, "s")
    assert found == Credential("Bearer t", expires_at=1795953600.0)
    assert not found.is_due(1795953000.0)
    assert found.is_due(1795953595.0)
    found = read_exec_credential(printed(clientCertificateData="C", clientKeyData="K"), PLUGIN, "s")
    assert found == Credential("", Pem(b"C"), Pem(b"K"))
    assert not found.is_due(1e12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"Please log in", "what it prints is no JSON"),
        (b"[]", "prints no ExecCredential"),
        (printed("Secret"), "prints no ExecCredential"),
        (printed(version="client.authentication.k8s.io/v1beta1", token="t"), "but the kubeconfig says"),
        (printed(), "neither a token nor a certificate"),
        (printed(clientCertificateData="C"), "neither a token nor a certificate"),
        (printed(token="t", expirationTimestamp="soon"), "'soon' is no time"),
    ],
)
def test_what_a_plugin_prints_wrongly_is_said(text: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=f"login, the exec plugin for https://x.*{message}"):
        read_exec_credential(text, PLUGIN, "https://x")


def test_a_plugin_is_told_of_the_cluster_if_it_wants_that() -> None:
    server = Server("https://x", name="inner")
    assert json.loads(exec_info(PLUGIN, server, b""))["spec"] == {"interactive": False}
    plugin = ExecPlugin("login", (), {}, V1, True, cluster_config={"audience": "y"})
    told = json.loads(exec_info(plugin, server, b"CA"))
    assert (told["kind"], told["apiVersion"]) == ("ExecCredential", V1)
    assert told["spec"]["cluster"] == {
        "server": "https://x",
        "tls-server-name": "inner",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
        "config": {"audience": "y"},
    }


def test_a_kubeconfig_may_have_the_credential_itself() -> None:
    assert static_credential(User(token="t")).authorization == "Bearer t"
    assert static_credential(User(username="u", password="p")).authorization == "Basic dTpw"
    assert static_credential(User()) == Credential()


def test_a_token_says_when_it_expires() -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1795953600, "x": "?>"}').decode().rstrip("=")
    assert token_expiry(f"head.{claims}.signature") == 1795953600.0
    assert [token_expiry(text) for text in ("opaque", "a.b.c", "a.%%.c", "a.W10.c", "a.e30.c")] == [None] * 5


def test_another_user_is_acted_as_by_headers() -> None:
    acts_as = Impersonation("jane", "7", ("a", "b"), (("a/Ü%", ("z",)), ("scope", ("x", "y"))))
    assert impersonation_headers(acts_as) == [
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-a%2F%C3%9C%25", "z"),
        ("Impersonate-Extra-scope", "x"),
        ("Impersonate-Extra-scope", "y"),
    ]
    assert impersonation_headers(Impersonation()) == []
