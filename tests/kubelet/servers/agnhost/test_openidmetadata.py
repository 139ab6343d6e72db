"""agnhost's test of a token by the issuer's documents: signatures of ES256, audiences and ends."""

from __future__ import annotations

import pytest

from kubelet.servers.agnhost.openidmetadata import DiscoveryError, verify_claims, verify_signature

KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
"""RFC 7515, A.3."""


def test_the_key_of_the_rfc_has_signed_its_token() -> None:
    verify_signature(TOKEN, {"keys": [KEY]})


@pytest.mark.parametrize(
    ("token", "keys"),
    [
        (TOKEN.replace("DtEh", "DtEi"), [KEY]),
        (TOKEN.replace(".eyJpc3Mi", ".eyJpc3Mj"), [KEY]),
        (TOKEN[:-8], [KEY]),
        (TOKEN, [{**KEY, "x": KEY["y"]}]),
        (TOKEN, [{**KEY, "crv": "P-384"}]),
        (TOKEN, []),
    ],
)
def test_any_other_key_or_text_is_refused(token: str, keys: list[dict[str, str]]) -> None:
    with pytest.raises(DiscoveryError, match="failed to verify signature"):
        verify_signature(token, {"keys": keys})


def test_a_token_is_for_its_audiences_until_it_ends() -> None:
    claims = {"aud": ["a", "b"], "exp": 100}
    verify_claims(claims, "b", 99)
    with pytest.raises(DiscoveryError, match='oidc: expected audience "c" got'):
        verify_claims(claims, "c", 99)
    with pytest.raises(DiscoveryError, match="oidc: token is expired"):
        verify_claims(claims, "b", 101)
