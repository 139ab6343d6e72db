"""What a projected volume must be (pkg/apis/core/validation validateProjectedVolumeSource)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.serviceaccount import TOKEN_SOURCE
from kubeapi.podspec.volumes.certificates import CERTIFICATE_PATHS, validate_certificate, validate_trust
from kubeapi.podspec.volumes.files import validate_downward_file, validate_item, validate_mode
from kubeapi.podspec.volumes.paths import non_reserved_path
from kubeapi.validation.faults import Faults, forbidden, invalid, required

_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 2**32


def validate_projected(source: JSON, path: str) -> Faults:
    """Yield the faults of a projected volume: all of its sources share one folder."""
    if source is TOKEN_SOURCE:  # that of nearly every new pod
        return
    yield from validate_mode(source, path)
    taken: set[str] = set()
    for index, projection in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        for kind in ("secret", "configMap"):
            yield from _validate_projected_files(projection.get(kind), where, path, kind, taken)
        for file in projection.get("downwardAPI", {}).get("items", ()):
            yield from validate_downward_file(file, f"{where}.downwardAPI")
            yield from _take(file.get("path", ""), path, file.get("path", ""), taken)
        if "serviceAccountToken" in projection:
            yield from _validate_token(projection["serviceAccountToken"], path, f"{where}.serviceAccountToken")
        yield from _validate_certificates(projection, where, path, taken)
        if len(projection) > 1:
            yield forbidden(where, "may not specify more than 1 volume type per source")


def _validate_projected_files(source: JSON | None, where: str, path: str, kind: str, taken: set[str]) -> Faults:
    if source is None:
        return
    if not source.get("name"):
        yield required(f"{where}.{kind}.name")
    for number, item in enumerate(source.get("items", ())):
        yield from validate_item(item, f"{where}.{kind}.items[{number}]")
        yield from _take(item.get("path", ""), path, source.get("name", ""), taken)


def _validate_certificates(projection: JSON, where: str, path: str, taken: set[str]) -> Faults:
    if (trust := projection.get("clusterTrustBundle")) is not None:
        yield from validate_trust(trust, f"{where}.clusterTrustBundle")
        yield from _take(trust.get("path", ""), path, trust.get("path", ""), taken)
    if (certificate := projection.get("podCertificate")) is not None:
        yield from validate_certificate(certificate, f"{where}.podCertificate")
        for file in filter(None, map(certificate.get, CERTIFICATE_PATHS)):
            yield from _take(file, path, file, taken)


def _take(file: str, path: str, value: str, taken: set[str]) -> Faults:
    if file and file in taken:
        yield invalid(path, value, "conflicting duplicate paths")
    taken.add(file)


def _validate_token(token: JSON, path: str, where: str) -> Faults:
    seconds, file = token.get("expirationSeconds", 0), token.get("path", "")
    if seconds < _SHORTEST_TOKEN:
        yield invalid(f"{where}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > _LONGEST_TOKEN:
        yield invalid(f"{where}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if file:
        yield from non_reserved_path(file, f"{path}.path")
    else:
        yield required(f"{path}.path")
