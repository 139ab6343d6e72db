"""What a Service's annotations may ask of the proxy: an algorithm with options, an affinity cookie.

Kubernetes has none of these; the faults have its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeapi.balancing import HASH_ON, TOKEN, OptionsError, http_part, meant_balancer, read_options
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.service import (
    AFFINITY_COOKIE_ANNOTATION,
    BALANCER_ANNOTATION,
    BALANCER_OPTIONS_ANNOTATION,
    COOKIE_MAX_AGE_ANNOTATION,
    read_service,
)
from kubeapi.registryconfig import RegistryConfig
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, invalid, required, unsupported

_SECONDS = re.compile("[1-9][0-9]{0,8}")


def validate_balancing(obj: JSON, config: RegistryConfig) -> Faults:
    """Yield the faults of all annotations for the proxy, of algorithms only where they are known."""
    annotations = annotations_of(obj)
    if config.balancers:
        yield from _validate_balancer(annotations, config)
    yield from _validate_cookie(annotations)


def balancing_warnings(obj: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    """Yield what a Service asks for that is only in HTTP requests, where it has no port of HTTP."""
    annotations = annotations_of(obj)
    if not annotations.keys() & {AFFINITY_COOKIE_ANNOTATION, BALANCER_OPTIONS_ANNOTATION}:
        return
    service = read_service(obj)
    if any(service.is_http(port) for port in service.ports):
        return
    remedy = "no port has the appProtocol http"
    if AFFINITY_COOKIE_ANNOTATION in annotations:
        yield _unused(AFFINITY_COOKIE_ANNOTATION, f"there are no cookies to set: {remedy}")
    known = config.balancers.get(annotations.get(BALANCER_ANNOTATION, config.default_balancer), ())
    options = read_options(annotations.get(BALANCER_OPTIONS_ANNOTATION, ""), known)
    part = http_part(str(options.get(HASH_ON, "")))
    if part is not None:
        text = f"connections are hashed by their source, because a {part} is only in HTTP requests: {remedy}"
        yield _unused(BALANCER_OPTIONS_ANNOTATION, text)


def _unused(annotation: str, text: str) -> FieldError:
    return FieldError("Unused", f"metadata.annotations[{annotation}]", text)


def _validate_balancer(annotations: dict[str, str], config: RegistryConfig) -> Faults:
    balancers, options = config.balancers, annotations.get(BALANCER_OPTIONS_ANNOTATION, "")
    name = annotations.get(BALANCER_ANNOTATION, config.default_balancer)
    if name not in balancers:
        path = f"metadata.annotations[{BALANCER_ANNOTATION}]"
        fault = unsupported(path, name, balancers.keys() - config.balancer_aliases)
        question = meant_balancer(name, balancers)
        yield fault._replace(message=f"{fault.message}; {question}") if question else fault
        return
    if not options:  # the algorithm's file need not be read
        return
    try:
        read_options(options, balancers[name])
    except OptionsError as error:
        for option, what in error.faults:
            value = f"{option}: {what}" if option else what
            yield invalid(f"metadata.annotations[{BALANCER_OPTIONS_ANNOTATION}]", options, f"{name}: {value}")


def _validate_cookie(annotations: dict[str, str]) -> Faults:
    name, age = annotations.get(AFFINITY_COOKIE_ANNOTATION), annotations.get(COOKIE_MAX_AGE_ANNOTATION)
    path = f"metadata.annotations[{AFFINITY_COOKIE_ANNOTATION}]"
    if name is not None and not TOKEN.fullmatch(name):
        yield invalid(path, name, "must be the name of a cookie: letters, digits and !#$%&'*+-.^_`|~ only")
    if age is not None and name is None:
        yield required(path, f"where {COOKIE_MAX_AGE_ANNOTATION} is set")
    if age is not None and not _SECONDS.fullmatch(age):
        yield invalid(f"metadata.annotations[{COOKIE_MAX_AGE_ANNOTATION}]", age, "must be seconds, 1 to 999999999")
