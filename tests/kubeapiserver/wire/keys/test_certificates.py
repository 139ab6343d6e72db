from __future__ import annotations

import contextlib
import ssl
import stat
from pathlib import Path

import pytest

from kubeapiserver.wire.keys.certificates import RENEW_SECONDS, VALID_SECONDS, server_certificate

NOW = 1_790_000_000.0
ADDRESSES, NAMES = ("127.0.0.1", "127.114.0.1"), ("localhost", "kubernetes.default.svc.cluster.local")


def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path: Path) -> None:
    made = server_certificate(tmp_path / "server.pem", ADDRESSES, NAMES, NOW)
    client = ssl.create_default_context(cadata=made.authority)
    server_in, server_out, client_in, client_out = (ssl.MemoryBIO() for _ in range(4))
    here = client.wrap_bio(client_in, client_out, server_hostname="127.114.0.1")
    there = made.context().wrap_bio(server_in, server_out, server_side=True)
    for _ in range(4):
        for side in (here, there):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    assert here.version() == "TLSv1.3"


def test_the_file_is_its_owners_alone_and_has_no_key_of_the_authority(tmp_path: Path) -> None:
    made = server_certificate(tmp_path / "server.pem", ADDRESSES, NAMES, NOW)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.path.read_text().count("PRIVATE KEY-----") == 2  # one key: its begin and its end


def test_a_certificate_that_fits_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    made = server_certificate(path, ADDRESSES, NAMES, NOW)
    before = path.read_bytes()
    again = server_certificate(path, tuple(reversed(ADDRESSES)), NAMES, NOW + 1000)
    assert (path.read_bytes(), again.authority) == (before, made.authority)


@pytest.mark.parametrize(
    ("addresses", "names", "later"),
    [
        pytest.param(("127.0.0.1",), NAMES, 0.0, id="other-addresses"),
        pytest.param(ADDRESSES, ("localhost",), 0.0, id="other-names"),
        pytest.param(ADDRESSES, NAMES, VALID_SECONDS - RENEW_SECONDS + 1.0, id="expires-soon"),
        pytest.param(ADDRESSES, NAMES, -1000.0, id="the-clock-went-back"),
    ],
)
def test_one_that_no_longer_fits_is_made_anew(
    tmp_path: Path, addresses: tuple[str, ...], names: tuple[str, ...], later: float
) -> None:
    path = tmp_path / "server.pem"
    before = server_certificate(path, ADDRESSES, NAMES, NOW).authority
    assert server_certificate(path, addresses, names, NOW + later).authority != before


@pytest.mark.parametrize("text", ["", "nonsense", "{}\n", '{"notAfter": "x"}\n-----END CERTIFICATE-----\n', "[]\n"])
def test_a_broken_file_is_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.pem"
    path.write_text(text)
    server_certificate(path, ADDRESSES, NAMES, NOW).context()
