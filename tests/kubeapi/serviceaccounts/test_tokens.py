"""Tokens of ServiceAccounts: what they say, and when they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.kubeapi.objects import EPOCH, FakeClock, new_registry, pod
from tests.helpers.kubeapi.tokens import ISSUER, FakeSigner, token_issuer

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import PODS, SECRETS, SERVICEACCOUNTS
from kubeapi.serviceaccounts.claims import TokenError
from kubeapi.serviceaccounts.issuer import EXTENDED_SECONDS, TokenIssuer
from kubeapi.serviceaccounts.jwt import decode, read_claims
from kubeapiserver.wire.keys.signing import SigningKey


class Cluster:
    """A registry with a ServiceAccount, and its issuer."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.registry: Registry = new_registry(self.clock)
        self.account = self.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "robot"}})
        self.issuer: TokenIssuer = token_issuer(self.registry, self.clock)

    def pod(self) -> JSON:
        return self.registry.create(PODS, pod(serviceAccountName="robot"))


def test_a_token_says_whose_it_is_and_the_issuer_believes_it() -> None:
    cluster = Cluster()
    token = cluster.issuer.issue(cluster.account, [ISSUER], 600)
    claims = read_claims(token)
    assert claims is not None
    account = {"name": "robot", "uid": cluster.account["metadata"]["uid"]}
    assert claims["kubernetes.io"] == {"namespace": "default", "serviceaccount": account}
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, [ISSUER], "system:serviceaccount:default:robot")
    assert (claims["iat"], claims["exp"]) == (EPOCH, EPOCH + 600)
    found = cluster.issuer.authenticate(token)
    assert found is not None
    assert found.user.name == "system:serviceaccount:default:robot"
    assert found.user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
    assert found.user.extra == {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}


@pytest.mark.parametrize("text", ["", "a.b.c", "a.b", "\udcff.a.b", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_of_this_issuer_is_nobodys(text: str) -> None:
    assert Cluster().issuer.authenticate(text) is None


def test_a_token_of_another_key_is_nobodys() -> None:
    cluster, other = Cluster(), Cluster()
    stranger = TokenIssuer(other.registry, FakeSigner(b"other"), other.clock, ISSUER)
    assert cluster.issuer.authenticate(stranger.issue(cluster.account, [ISSUER], 600)) is None


def test_a_token_ends() -> None:
    cluster = Cluster()
    token = cluster.issuer.issue(cluster.account, [ISSUER], 600)
    cluster.clock.advance(659)
    assert cluster.issuer.authenticate(token)
    cluster.clock.advance(2)
    with pytest.raises(TokenError, match="service account token has expired"):
        cluster.issuer.authenticate(token)


def test_a_token_is_for_its_audiences() -> None:
    cluster = Cluster()
    token = cluster.issuer.issue(cluster.account, ["vault"], 600)
    with pytest.raises(TokenError, match=r'token audiences \["vault"\] is invalid for the target audiences \["https'):
        cluster.issuer.authenticate(token)
    found = cluster.issuer.authenticate(token, ["a", "vault"])
    assert found is not None
    assert found.audiences == ("vault",)


def test_a_pod_s_token_tells_of_the_pod_and_ends_with_it() -> None:
    cluster = Cluster()
    made = cluster.pod()
    token = cluster.issuer.issue(cluster.account, [ISSUER], 3607, made)
    found = cluster.issuer.authenticate(token)
    assert found is not None
    assert found.user.extra["authentication.kubernetes.io/pod-name"] == ["web"]
    claims = read_claims(token)
    assert claims is not None
    # Clients that do not read their token again keep it for a year; the API would warn of it after the time asked for.
    assert (claims["exp"], claims["kubernetes.io"]["warnafter"]) == (EPOCH + EXTENDED_SECONDS, EPOCH + 3607)
    cluster.registry.delete(PODS, "default", "web")
    with pytest.raises(TokenError, match="service account token has been invalidated"):
        cluster.issuer.authenticate(token)


def test_a_token_ends_with_its_account_though_one_of_the_same_name_follows() -> None:
    cluster = Cluster()
    token = cluster.issuer.issue(cluster.account, [ISSUER], 600)
    cluster.registry.delete(SERVICEACCOUNTS, "default", "robot")
    with pytest.raises(TokenError, match='serviceaccounts "robot" not found'):
        cluster.issuer.authenticate(token)
    cluster.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "robot"}})
    with pytest.raises(TokenError, match=r"service account UID .* does not match claim"):
        cluster.issuer.authenticate(token)


def test_the_token_of_a_secret_holds_as_long_as_the_secret() -> None:
    cluster = Cluster()
    annotations = {"kubernetes.io/service-account.name": "robot"}
    secret = {
        "metadata": {"name": "s", "annotations": annotations},
        "type": "kubernetes.io/service-account-token",
    }
    stored = cluster.registry.create(SECRETS, secret)
    token = cluster.issuer.issue_legacy(cluster.account, stored)
    assert cluster.issuer.authenticate(token)
    cluster.registry.delete(SECRETS, "default", "s")
    with pytest.raises(TokenError, match="service account token has been invalidated"):
        cluster.issuer.authenticate(token)


def test_the_key_of_a_cluster_stays_and_signs_what_others_can_verify(tmp_path: Path) -> None:
    cluster, path = Cluster(), tmp_path / "sa.key"
    issuer = TokenIssuer(cluster.registry, SigningKey(path), cluster.clock, ISSUER)
    token = issuer.issue(cluster.account, [ISSUER], 600)
    assert path.stat().st_mode & 0o777 == 0o600
    again = SigningKey(path)
    assert decode(token, again) == read_claims(token)
    assert decode(token[:-4] + "AAAA", again) is None
    key = again.public_key()
    assert (key["kty"], key["crv"], key["alg"], key["kid"]) == ("EC", "P-256", "ES256", again.key_id)
    assert issuer.keys() == {"keys": [key]}
