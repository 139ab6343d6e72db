"""The annotations of ingress-nginx that are acted on, and what is wrong with those that are there.

Follows k8s.io/ingress-nginx ``internal/ingress/annotations`` (rewrite, backendprotocol) and its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NGINX = "nginx.ingress.kubernetes.io/"
_REWRITE, _REGEX = f"{NGINX}rewrite-target", f"{NGINX}use-regex"
_REDIRECT, _FORCE = f"{NGINX}ssl-redirect", f"{NGINX}force-ssl-redirect"
_PROTOCOL = f"{NGINX}backend-protocol"
HONOURED = (_REWRITE, _REGEX, _REDIRECT, _FORCE, _PROTOCOL)
"""The annotations of ingress-nginx that have an effect."""

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
"""What Go's strconv.ParseBool reads."""
_PLAIN = frozenset(("", "HTTP", "AUTO_HTTP"))
TLS_BACKEND = "HTTPS"


class IngressOptions(NamedTuple):
    """What the annotations of an Ingress ask for.

    ``rewrite_target`` is "" for none. ``redirects`` sends clients of hosts with TLS to https, ``always_redirects`` all
    clients. ``backend_protocol`` is what endpoints speak: "" for HTTP/1.1, TLS_BACKEND, or what is not served.
    """

    rewrite_target: str = ""
    uses_regex: bool = False
    redirects: bool = True
    always_redirects: bool = False
    backend_protocol: str = ""


class OptionFault(NamedTuple):
    """An annotation that has no effect, or not the one that its value asks for, with a sentence that says so."""

    reason: str
    text: str


def read_options(annotations: Mapping[str, str]) -> tuple[IngressOptions, tuple[OptionFault, ...]]:
    """Return the options, and the faults of the annotations."""
    faults: list[OptionFault] = []
    ignored = sorted(each for each in annotations if each.startswith(NGINX) and each not in HONOURED)
    if ignored:
        faults.append(OptionFault("AnnotationIgnored", f"Without effect here: {', '.join(ignored)}"))
    options = IngressOptions(
        rewrite_target=_rewrite_target(annotations, faults),
        uses_regex=_flag(annotations, faults, _REGEX, usual=False),
        redirects=_flag(annotations, faults, _REDIRECT, usual=True),
        always_redirects=_flag(annotations, faults, _FORCE, usual=False),
        backend_protocol=_backend_protocol(annotations, faults),
    )
    return options, tuple(faults)


def _flag(annotations: Mapping[str, str], faults: list[OptionFault], name: str, *, usual: bool) -> bool:
    value = annotations.get(name)
    if value is None or value in _TRUE or value in _FALSE:
        return usual if value is None else value in _TRUE
    text = f"{name}: {value!r} is neither true nor false: {str(usual).lower()} is taken"
    faults.append(OptionFault("AnnotationInvalid", text))
    return usual


def _backend_protocol(annotations: Mapping[str, str], faults: list[OptionFault]) -> str:
    protocol = annotations.get(_PROTOCOL, "").strip().upper()
    if protocol in _PLAIN or protocol == TLS_BACKEND:
        return protocol if protocol == TLS_BACKEND else ""
    text = f"{_PROTOCOL}: {protocol} is not served, HTTP and HTTPS are: requests of this Ingress are answered 502"
    faults.append(OptionFault("BackendProtocolNotServed", text))
    return protocol


def _rewrite_target(annotations: Mapping[str, str], faults: list[OptionFault]) -> str:
    target = annotations.get(_REWRITE, "").strip()
    if not target or (target.startswith(("/", "$")) and not target.startswith("$scheme")):
        return target
    text = f"{_REWRITE}: {target!r} is no path: requests are passed on as they came"
    faults.append(OptionFault("AnnotationInvalid", text))
    return ""
