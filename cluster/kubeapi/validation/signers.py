"""Names of signers and of the bundles of their certificates (pkg/apis/core/validation/names.go)."""

from __future__ import annotations

from kubeapi.validation.faults import Faults, invalid, required
from kubeapi.validation.names import dns1123_label, dns1123_subdomain


def validate_signer(name: str, path: str) -> Faults:
    """Yield the faults of a signer's name: a domain, a slash, and a name."""
    if not name:
        yield required(path)
        return
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        yield invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        return
    labels = domain.split(".")
    yield from _label_faults(domain, [(each, dns1123_label(each)) for each in labels], path)
    if len(labels) < 2:
        yield invalid(path, domain, "should be a domain with at least two segments separated by dots")
    yield from _label_faults(rest, [(each, dns1123_subdomain(each)) for each in rest.split(".")], path)


def _label_faults(whole: str, found: list[tuple[str, tuple[str, ...]]], path: str) -> Faults:
    """Yield the faults of the first label that has some."""
    for label, details in found:
        for detail in details:
            yield invalid(path, whole, f'validating label "{label}": {detail}')
        if details:
            return


def bundle_name_faults(name: str, signer: str) -> tuple[str, ...]:
    """Return what is wrong with the name of a ClusterTrustBundle of a signer, "" for one without."""
    if not signer:
        if ":" in name:
            return ('ClusterTrustBundle without signer name must not have ":" in its name',)
        return dns1123_subdomain(name)
    prefix = f"{signer.replace('/', ':')}:"
    if not name.startswith(prefix):
        return (f"ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}",)
    return dns1123_subdomain(name.removeprefix(prefix))


def signer_of(bundle: str) -> str:
    """Return the signer that the name of a ClusterTrustBundle begins with, "" if there is none."""
    return bundle.rpartition(":")[0].replace(":", "/")


def is_of_kubernetes(signer: str) -> bool:
    """Tell whether the signer is one of Kubernetes' own."""
    domain = signer.partition("/")[0]
    return domain == "kubernetes.io" or domain.endswith(".kubernetes.io")
