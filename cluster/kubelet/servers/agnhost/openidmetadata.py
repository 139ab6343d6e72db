"""``agnhost test-service-account-issuer-discovery``: verifies a pod's token as a stranger to the cluster would.

It trusts nothing but the issuer's documents (OpenID Connect Discovery). Follows k8s.io/kubernetes
``test/images/agnhost/openidmetadata``, and its texts those of github.com/coreos/go-oidc. Keys are those of ES256.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubelet.servers.agnhost.es256 import verifies
from kubelet.servers.agnhost.golog import log
from kubelet.servers.agnhost.incluster import InClusterError, get_document, in_cluster


class DiscoveryError(Exception):
    """The token does not hold by the issuer's documents, or they cannot be read."""


def verify_issuer(options: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Verify the token in the file ``options["token_path"]`` for ``options["audience"]``; return the exit code."""
    try:
        token = Path(options["token_path"]).read_text()
        log("OK: Got token")
        log("validating with in-cluster discovery")
        access = in_cluster(environment)
    except OSError as error:
        log(f"open {error.filename}: {(error.strerror or '').lower()}")
        return 1
    except InClusterError as error:
        log(str(error))
        return 1
    try:
        _validate(token, options["audience"], ssl.create_default_context(cafile=access.authority), access.token)
    except (DiscoveryError, InClusterError, OSError, http.client.HTTPException) as error:
        log(f"failed to validate with in-cluster discovery: {error}")
    else:
        return 0
    log("falling back to validating with external discovery")
    try:
        _validate(token, options["audience"], ssl.create_default_context(), "")
    except (DiscoveryError, InClusterError, OSError, http.client.HTTPException) as error:
        log(str(error))
        return 1
    return 0


def _validate(token: str, audience: str, context: ssl.SSLContext, bearer: str) -> None:
    said = _claims(token)
    issuer = str(said.get("iss", ""))
    log(f"OK: got issuer {issuer}")
    log(f"Full, not-validated claims: \n{json.dumps(said)}")
    discovered = get_document(f"{issuer.rstrip('/')}/.well-known/openid-configuration", context, bearer)
    if discovered.get("issuer") != issuer:
        expected, got = json.dumps(issuer), json.dumps(discovered.get("issuer"))
        raise DiscoveryError(
            f"oidc: issuer did not match the issuer returned by provider, expected {expected} got {got}"
        )
    log(f"OK: Constructed OIDC provider for issuer {issuer}")
    verify_claims(said, audience, time.time())
    verify_signature(token, get_document(str(discovered.get("jwks_uri", "")), context, bearer))
    log("OK: Validated signature on JWT")
    log("OK: Got valid claims from token!")
    log(f"Full, validated claims: \n{json.dumps(said)}")


def verify_claims(claims: Mapping[str, Any], audience: str, now: float) -> None:
    """Raise DiscoveryError unless the claims are for the audience and hold now."""
    given = claims.get("aud", [])
    audiences = [given] if isinstance(given, str) else given
    if audience not in audiences:
        raise DiscoveryError(f"oidc: expected audience {json.dumps(audience)} got {json.dumps(audiences)}")
    end = claims.get("exp", 0)
    if end < now:
        raise DiscoveryError(f"oidc: token is expired (Token Expiry: {time.strftime('%F %T', time.gmtime(end))} UTC)")


def verify_signature(token: str, keys: Mapping[str, Any]) -> None:
    """Raise DiscoveryError unless one of the issuer's keys (a JSON Web Key Set) has signed the token."""
    message, _, signature = token.rpartition(".")
    name = json.loads(_unpack(token.partition(".")[0])).get("kid")
    for key in keys.get("keys", []):
        if key.get("crv") == "P-256" and name in (None, key.get("kid")):
            point = tuple(int.from_bytes(_unpack(key[each]), "big") for each in ("x", "y"))
            if verifies((point[0], point[1]), message.encode(), _unpack(signature)):
                return
    raise DiscoveryError("failed to verify signature: failed to verify id token signature")


def _claims(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise DiscoveryError("square/go-jose: compact JWS format must have three parts")
    try:
        found: Mapping[str, Any] = json.loads(_unpack(parts[1]))
    except ValueError as error:
        raise DiscoveryError(f"oidc: malformed jwt payload: {error}") from None
    return found


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
