"""agnhost's mtlsserver and mtlsclient, with an authority that has no name, as that of Kubernetes' own suite."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kubelet.servers.agnhost.mutualtls import fetch, serve
from kubelet.servers.http.listening import listen
from kubelet.spec.server import ServerError

NAMES = (x509.DNSName("localhost"), x509.UniformResourceIdentifier("spiffe://cluster.local/ns/x/sa/default"))
USAGE = x509.KeyUsage(True, False, False, False, False, True, False, False, False)


class Files(NamedTuple):
    credentials: str
    trust: str


def certificate(
    key: Ed25519PublicKey | ec.EllipticCurvePublicKey, signer: Ed25519PrivateKey, *, is_authority: bool
) -> str:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(
        x509.Name([]), x509.Name([]), key, x509.random_serial_number(), now, now + datetime.timedelta(hours=1)
    )
    if is_authority:
        made = made.add_extension(x509.BasicConstraints(True, None), True).add_extension(USAGE, True)
    else:
        made = made.add_extension(x509.SubjectAlternativeName(NAMES), True)
    return made.sign(signer, None).public_bytes(form.Encoding.PEM).decode()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return authority(tmp_path)


def authority(folder: Path) -> Files:
    root, middle = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    leaf = ec.generate_private_key(ec.SECP256R1())
    key = leaf.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    chain = certificate(leaf.public_key(), middle, is_authority=False)
    chain += certificate(middle.public_key(), root, is_authority=True)
    found = Files(str(folder / "credentials.pem"), str(folder / "trust.pem"))
    Path(found.credentials).write_text(key + chain)
    Path(found.trust).write_text(certificate(root.public_key(), root, is_authority=True))
    return found


@pytest.fixture
def url(files: Files) -> str:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener, files._asdict()), daemon=True).start()
    return f"https://localhost:{port}"


def test_the_server_says_who_the_client_is(url: str, files: Files) -> None:
    assert fetch(f"{url}/spiffe-echo", *files) == "Client Identity: spiffe://cluster.local/ns/x/sa/default"
    with pytest.raises(OSError, match="404"):
        fetch(f"{url}/other", *files)


def test_a_server_of_another_authority_is_refused(url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(f"{url}/spiffe-echo", *authority(tmp_path / "other"))


def test_a_file_that_is_not_there_is_named(files: Files) -> None:
    with pytest.raises(ServerError, match="/no/such"):
        fetch("https://localhost:1/", files.credentials, "/no/such")
