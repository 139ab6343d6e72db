"""The faults of configurations of admission webhooks (pkg/apis/admissionregistration/validation). Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.validation.faults import Faults, each_invalid, invalid, one_of, required, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_subdomain

_NO_EFFECTS = frozenset(("None", "NoneOnDryRun"))
_OPERATIONS = frozenset(("*", "CONNECT", "CREATE", "DELETE", "UPDATE"))
_FORM = "; desired format: https://host[/path]"


def validate_webhooks(obj: JSON) -> Faults:
    """Yield the faults of every webhook of a configuration."""
    for index, webhook in enumerate(list_at(obj, "webhooks")):
        path = f"webhooks[{index}]"
        yield from _validate_name(webhook.get("name") or "", f"{path}.name")
        for number, rule in enumerate(list_at(webhook, "rules")):
            yield from validate_rule(rule, f"{path}.rules[{number}]")
        yield from _validate_policies(webhook, path)
        for field in ("namespaceSelector", "objectSelector"):
            yield from validate_selector(map_at(webhook, field), f"{path}.{field}")
        yield from _validate_client(map_at(webhook, "clientConfig"), f"{path}.clientConfig")
        yield from _validate_versions(list(list_at(webhook, "admissionReviewVersions")), path)


def _validate_name(name: str, path: str) -> Faults:
    if not name:
        yield required(path)
    elif faults := dns1123_subdomain(name):
        yield from each_invalid(path, name, faults)
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def validate_rule(rule: JSON, path: str) -> Faults:
    """Yield the faults of a rule that matches requests."""
    if not list_at(rule, "operations"):
        yield required(f"{path}.operations")
    for index, operation in enumerate(list_at(rule, "operations")):
        if operation not in _OPERATIONS:
            yield unsupported(f"{path}.operations[{index}]", operation, _OPERATIONS)
    for field in ("apiGroups", "apiVersions", "resources"):
        if not list_at(rule, field):
            yield required(f"{path}.{field}")
    yield from one_of(f"{path}.scope", rule.get("scope"), frozenset(("*", "Cluster", "Namespaced")))


def _validate_policies(webhook: JSON, path: str) -> Faults:
    yield from one_of(f"{path}.failurePolicy", webhook.get("failurePolicy"), frozenset(("Fail", "Ignore")))
    yield from one_of(f"{path}.matchPolicy", webhook.get("matchPolicy"), frozenset(("Equivalent", "Exact")))
    effects = webhook.get("sideEffects")
    if effects is None:
        yield required(f"{path}.sideEffects", f"must specify one of {', '.join(sorted(_NO_EFFECTS))}")
    elif effects not in _NO_EFFECTS:
        yield unsupported(f"{path}.sideEffects", effects, _NO_EFFECTS)
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        yield invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds")


def _validate_client(client: JSON, path: str) -> Faults:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _validate_url(url, f"{path}.url")
    else:
        yield from _validate_service(map_at(client, "service"), f"{path}.service")


def _validate_url(url: str, path: str) -> Faults:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        yield required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not parts.netloc:
        yield invalid(path, parts.netloc, f"host must be specified{_FORM}")
    if "@" in parts.netloc:
        yield invalid(path, parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def _validate_service(service: JSON, path: str) -> Faults:
    # The real server passes the two names in the wrong order, so each is told as the other.
    if not service.get("namespace"):
        yield required(f"{path}.name")
    if not service.get("name"):
        yield required(f"{path}.namespace")
    port = service.get("port", 443)
    if not 1 <= port <= 65535:
        yield invalid(f"{path}.port", port, "port is not valid: must be between 1 and 65535, inclusive")
    asked = service.get("path") or "/"
    if not asked.startswith("/"):
        yield invalid(f"{path}.path", asked, "must start with a '/'")


def _validate_versions(versions: list[str], path: str) -> Faults:
    path = f"{path}.admissionReviewVersions"
    if not versions:
        yield required(path, "must specify one of v1, v1beta1")
    elif not {"v1", "v1beta1"} & set(versions):
        yield invalid(path, versions, "must include at least one of v1, v1beta1")
