"""The syntax of names, labels and ports.

Every function returns the texts of the faults, none for a good value. Patterns and texts are those of
k8s.io/apimachinery ``util/validation``; the two blanks before "or" are theirs.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

PROTOCOLS = frozenset(("TCP", "UDP", "SCTP"))
"""Transport protocols of ports."""

DNS1123_LABEL = re.compile(_LABEL)
_DNS1123_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORED_SUBDOMAIN = rf"{_UNDERSCORED}(\.{_UNDERSCORED})*"
_DNS1035_LABEL = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED_NAME = re.compile(_QUALIFIED)
_LABEL_VALUE = re.compile(f"({_QUALIFIED})?")
_CONFIG_KEY = re.compile("[-._a-zA-Z0-9]+")
_PORT_NAME_LETTERS = re.compile("[-a-z0-9]+")

_QUALIFIED_FAULT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    f" (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_CACHED = 4096
"""Results kept: the same few labels are in every object."""


def _longer_than(value: str, limit: int, unit: str = "characters") -> list[str]:
    """Return the fault of too many bytes; only labels call them bytes, since 1.34."""
    return [f"must be no more than {limit} {unit}"] if len(value.encode(errors="replace")) > limit else []


@lru_cache(_CACHED)
def dns1123_label(value: str) -> tuple[str, ...]:
    """Return the faults of a name of one DNS label, such as a Namespace's."""
    faults = _longer_than(value, 63)
    if not DNS1123_LABEL.fullmatch(value) and _DNS1123_SUBDOMAIN.fullmatch(value):
        faults.append("must not contain dots")
    elif not DNS1123_LABEL.fullmatch(value):
        faults.append(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
            " end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
            f" '{_LABEL}')"
        )
    return tuple(faults)


@lru_cache(_CACHED)
def dns1123_subdomain(value: str) -> tuple[str, ...]:
    """Return the faults of a name of several DNS labels, such as those of most kinds."""
    return _subdomain_faults(value, "characters")


def _subdomain_faults(value: str, unit: str) -> tuple[str, ...]:
    faults = _longer_than(value, 253, unit)
    if not _DNS1123_SUBDOMAIN.fullmatch(value):
        faults.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
            " start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
            rf" '{_LABEL}(\.{_LABEL})*')"
        )
    return tuple(faults)


def wildcard_subdomain(value: str) -> tuple[str, ...]:
    """Return the faults of a name whose first label is an asterisk."""
    faults = _longer_than(value, 253)
    if not value.startswith("*.") or not _DNS1123_SUBDOMAIN.fullmatch(value[2:]):
        faults.append(
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist"
            " of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
            rf" (e.g. '*.example.com', regex used for validation is '\*\.{_LABEL}(\.{_LABEL})*')"
        )
    return tuple(faults)


@lru_cache(_CACHED)
def dns1035_label(value: str) -> tuple[str, ...]:
    """Return the faults of one DNS label that begins with a letter, such as the plural of a custom resource."""
    faults = _longer_than(value, 63)
    if not _DNS1035_LABEL.fullmatch(value):
        faults.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
            " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for"
            " validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        )
    return tuple(faults)


def path_segment(value: str) -> tuple[str, ...]:
    """Return the faults of a name that becomes a segment of a path (IsPathSegmentName)."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{each}'" for each in "/%" if each in value)


@lru_cache(_CACHED)
def qualified_name(value: str) -> tuple[str, ...]:
    """Return the faults of a label's key, or of any other ``[DNS subdomain/]name``."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        return (f"a valid label key {_QUALIFIED_FAULT} with an optional DNS subdomain prefix and '/'"
                " (e.g. 'example.com/MyName')",)  # fmt: skip
    faults: list[str] = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        faults.extend(f"prefix part {fault}" for fault in _subdomain_faults(prefix, "bytes"))
    if not name:
        faults.append("name part must be non-empty")
    faults.extend(f"name part {fault}" for fault in _longer_than(name, 63, "bytes"))
    if not _QUALIFIED_NAME.fullmatch(name):
        faults.append(f"name part {_QUALIFIED_FAULT}")
    return tuple(faults)


@lru_cache(_CACHED)
def label_value(value: str) -> tuple[str, ...]:
    """Return the faults of a label's value."""
    faults = _longer_than(value, 63, "bytes")
    if not _LABEL_VALUE.fullmatch(value):
        faults.append(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
            " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used"
            f" for validation is '({_QUALIFIED})?')"
        )
    return tuple(faults)


@lru_cache(_CACHED)
def port_name(value: str) -> tuple[str, ...]:
    """Return the faults of a container port's name (RFC 6335 section 5.1, an IANA service name)."""
    faults = _longer_than(value, 15)
    if not _PORT_NAME_LETTERS.fullmatch(value):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        faults.append("must contain at least one letter (a-z)")
    if "--" in value:
        faults.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        faults.append("must not begin or end with a hyphen")
    return tuple(faults)


def port_number(value: int) -> tuple[str, ...]:
    """Return the faults of a port number."""
    return () if 1 <= value <= 65535 else ("must be between 1 and 65535, inclusive",)


def user_or_group(value: int) -> tuple[str, ...]:
    """Return the faults of the number of a user or a group."""
    return () if 0 <= value < 2**31 else ("must be between 0 and 2147483647, inclusive",)


def search_domain(value: str) -> tuple[str, ...]:
    """Return the faults of a DNS search domain, in which underscores are common (since Kubernetes 1.33)."""
    faults = _longer_than(value, 253)
    if not re.fullmatch(_UNDERSCORED_SUBDOMAIN, value):
        faults.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and"
            " must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation"
            rf" is '{_LABEL}(\.{_LABEL})*')"
        )
    return tuple(faults)


def port_number_or_name(value: int | str) -> tuple[str, ...]:
    """Return the faults of a targetPort or a probe's port."""
    return port_name(value) if isinstance(value, str) else port_number(value)


def config_key(value: str) -> tuple[str, ...]:
    """Return the faults of a key of a ConfigMap."""
    faults = _longer_than(value, 253)
    if not _CONFIG_KEY.fullmatch(value):
        faults.append(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or"
            " 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )
    elif value in (".", ".."):
        faults.append(f"must not be '{value}'")
    elif value.startswith(".."):
        faults.append("must not start with '..'")
    return tuple(faults)


def environment_variable(value: str) -> tuple[str, ...]:
    """Return the faults of the name of an environment variable (the relaxed rule of Kubernetes 1.32)."""
    if all(" " <= letter <= "~" and letter != "=" for letter in value):
        return ()
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)
