"""XXH64 and MurmurHash2: XXH64's values come from the reference implementation, MurmurHash2's from Envoy's ring."""

from __future__ import annotations

import pytest

from kubeproxy.balancers.envoy.hashing import hash_text, xxh64

REFERENCE = [
    # length, XXH64 with the seed 0, with the seed 1
    (0, 0xEF46DB3751D8E999, 0xD5AFBA1336A3BE4B),
    (1, 0xF592C0C7639C4CB6, 0x653CE83BAFFA4F91),
    (3, 0x22C08528601D4F27, 0x5EBFDA8C9072A30D),
    (4, 0xFB1E5CF2F1AE4D95, 0x76C235E6330F623D),
    (7, 0x5613AC510496C04E, 0xE75581B7BFA15EC7),
    (8, 0x57CB2B7521F3E21A, 0xFBBEE60BA1FF4594),
    (9, 0xC3F1D09775257B66, 0xB07B63C711F0F9BA),
    (14, 0x393648AA0A97D46F, 0x79FAB9248A8E613F),
    (20, 0xA62C18328D2D838D, 0xED305B1C391D8EFE),
    (31, 0xE4A0E629E519A4AE, 0x30C494E3D8EA5C92),
    (32, 0xCC6B8AAADA790B2D, 0xE73ACCC75E541B60),
    (33, 0x35EC49850475A832, 0x0FD4B34807971DA4),
    (40, 0x3B21ED23EEA85C2D, 0x02B36B2A4A9C196A),
    (63, 0xBF9F0BA3CF95B28A, 0x09ABC95B9A7FA569),
    (64, 0x155CCCE4BF32BEFC, 0x166DFDFDB0C6703E),
    (100, 0x4826E367566EA023, 0xC55E58FF8694359C),
    (4097, 0x81E28E440E50A972, 0x4FD5AC63F1A5A54F),
]


@pytest.mark.parametrize(("length", "plain", "seeded"), REFERENCE)
def test_xxh64_is_that_of_the_reference(length: int, plain: int, seeded: int) -> None:
    text = bytes((place * 37 + 11) & 255 for place in range(length))
    assert (xxh64(text), xxh64(text, 1)) == (plain, seeded)


@pytest.mark.parametrize("text", ["", "user", "k" * 5000, "\udcff not UTF-8"])
def test_any_text_has_a_hash_the_same_each_time(text: str) -> None:
    expected = xxh64(text.encode("utf-8", "surrogateescape"))
    assert [hash_text(text), hash_text(text)] == [expected, expected]
