"""Addresses and networks as Kubernetes 1.36 and later read them: strict for new values, warnings for odd ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubeapi.validation import addresses

ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
ZEROS, MAPPED = "must not have leading 0s", "must not be an IPv4-mapped IPv6 address"
CIDR_ZEROS = "must not have leading 0s in IP or prefix length"
CIDR_MAPPED = "must not have an IPv4-mapped IPv6 address"
BITS = "must not have bits set beyond the prefix length"


@pytest.mark.parametrize(
    ("judge", "value", "fault"),
    [
        (addresses.address, "10.0.0.1", ""),
        (addresses.address, "2001:DB8::1", ""),
        (addresses.address, "", ADDRESS),
        (addresses.address, "1.2.3", ADDRESS),
        (addresses.address, "1.2.3.4/8", ADDRESS),
        (addresses.address, "1.2.3.400", ADDRESS),
        (addresses.address, "fe80::1%eth0", ADDRESS),
        (addresses.address, "010.0.0.1", ZEROS),
        (addresses.address, "10.0.0.00", ZEROS),
        (addresses.address, "::ffff:01.2.3.4", ZEROS),
        (addresses.address, "::ffff:1.2.3.4", MAPPED),
        (addresses.canonical_address, "2001:db8::1", ""),
        (addresses.canonical_address, "2001:DB8::1", 'must be in canonical form ("2001:db8::1")'),
        (addresses.canonical_address, "::ffff:1.2.3.4", MAPPED),
        (addresses.canonical_address, "x", ADDRESS),
        (addresses.cidr, "10.0.0.0/8", ""),
        (addresses.cidr, "2001:DB8::/32", ""),
        (addresses.cidr, "10.0.0.0", CIDR),
        (addresses.cidr, "10.0.0.0/", CIDR),
        (addresses.cidr, "10.0.0.0/33", CIDR),
        (addresses.cidr, "10.0.0.0/+8", CIDR),
        (addresses.cidr, "10.1.2.3/8", BITS),
        (addresses.cidr, "10.0.0.0/08", CIDR_ZEROS),
        (addresses.cidr, "010.0.0.0/8", CIDR_ZEROS),
        (addresses.cidr, "::ffff:10.0.0.0/104", CIDR_MAPPED),
        (addresses.canonical_cidr, "2001:DB8::/32", 'must be in canonical form ("2001:db8::/32")'),
        (addresses.canonical_cidr, "10.1.2.3/8", BITS),
        (addresses.special_address, "10.0.0.1", ""),
        (addresses.special_address, "239.1.1.1", ""),
        (addresses.special_address, "0.0.0.0", "may not be unspecified (0.0.0.0)"),
        (addresses.special_address, "fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_in_kubernetes_words(
    judge: Callable[[str], tuple[str, ...]], value: str, fault: str
) -> None:
    assert judge(value) == ((fault,) if fault else ())


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("10.0.0.1", []),
        ("010.0.0.1", ['a: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']),
        ("::ffff:1.2.3.4", ['a: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"']),
        ("2001:db8:0::1", ['a: IPv6 address "2001:db8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")']),
        ("x", []),
    ],
)
def test_addresses_in_another_form_have_a_warning(value: str, texts: list[str]) -> None:
    assert list(map(str, addresses.address_warnings("a", value))) == texts


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("10.0.0.0/8", []),
        (
            "10.1.2.3/8",
            ['a: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)'],
        ),
        ("10.0.0.0/08", ['a: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"']),
        (
            "2001:DB8::/32",
            ['a: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")'],
        ),
        (" 10.0.0.0/8", []),
    ],
)
def test_networks_in_another_form_have_warnings(value: str, texts: list[str]) -> None:
    assert list(map(str, addresses.cidr_warnings("a", value))) == texts
