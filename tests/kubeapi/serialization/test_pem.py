"""Blocks of PEM texts: tables."""

import base64

import pytest

from kubeapi.serialization.pem import Block, certificate_block, read_blocks

AUTHORITY = bytes.fromhex("300f" + "0603551d13" + "0101ff" + "0405" + "3003" + "0101ff")
OTHER = bytes.fromhex("3009" + "0603551d13" + "0402" + "3000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (certificate_block(b"one"), [("CERTIFICATE", b"one", False)]),
        (f"# a comment\n{certificate_block(b'one')}\n\n{certificate_block(b'two')}", [
            ("CERTIFICATE", b"one", False), ("CERTIFICATE", b"two", False),
        ]),
        ("-----BEGIN KEY-----\nA: b\n\nAAAA\n-----END KEY-----", [("KEY", b"\0\0\0", True)]),
        ("-----BEGIN KEY-----\n*\n-----END KEY-----", []),
        ("-----BEGIN KEY-----\nAAAA\n-----END OTHER-----", []),
    ],
)  # fmt: skip
def test_blocks_of_a_text(text: str, expected: list[tuple[str, bytes, bool]]) -> None:
    assert list(read_blocks(text)) == [Block(*each) for each in expected]


def test_a_long_certificate_has_lines_of_64_letters() -> None:
    lines = certificate_block(bytes(100)).splitlines()
    assert [len(each) for each in lines[1:-1]] == [64, 64, 8]
    assert base64.b64decode("".join(lines[1:-1])) == bytes(100)


@pytest.mark.parametrize(
    ("content", "is_certificate", "is_authority"),
    [
        (AUTHORITY, True, True),
        (OTHER, True, False),
        (OTHER[:-1], False, False),
        (b"text", False, False),
        (b"", False, False),
    ],
)
def test_what_a_certificate_says_of_itself(content: bytes, is_certificate: bool, is_authority: bool) -> None:
    block = Block("CERTIFICATE", content, False)
    assert (block.is_certificate, block.is_authority) == (is_certificate, is_authority)
