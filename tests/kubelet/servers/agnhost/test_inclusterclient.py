from __future__ import annotations

import pytest

from kubelet.servers.agnhost.inclusterclient import ask, hashed, poll_healthz


def test_of_a_token_a_hash_is_told_as_by_agnhost() -> None:
    # base64.RawURLEncoding of sha256("salt|Bearer x"), by openssl.
    assert hashed("x") == "kKPSI48A56jUlc-E7XNWCPpECe2rJdGZog1QqAc2ewI"


def test_a_pod_without_access_ends_with_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    assert poll_healthz({"seconds": 0}, {}) == 1
    assert "err: unable to load in-cluster configuration" in capfd.readouterr().err


def test_a_question_that_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    ask({})
    said = capfd.readouterr().err
    assert "] calling /healthz\n" in said
    assert "] status=failed\n" in said
