"""The keys of pods' certificates."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from kubeapiserver.wire.keys.podkeys import make_key


@pytest.mark.parametrize("kind", ["ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"])
def test_a_request_proves_that_its_maker_has_the_key(kind: str) -> None:
    text, proof = make_key(kind)
    request = x509.load_der_x509_csr(proof)
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    assert load_pem_private_key(text, None).public_key().public_bytes(*form) == request.public_key().public_bytes(*form)
    assert request.is_signature_valid
    assert list(request.subject) == []


def test_another_kind_of_key_is_refused() -> None:
    with pytest.raises(ValueError, match='unknown key type "DSA"'):
        make_key("DSA")
