"""The OpenAPI documents that an extension API server offers. Pure.

Follows kube-aggregator ``controllers/openapiv3/aggregator``.
"""

from __future__ import annotations

import json

SECONDS = 60.0
"""Time limit of a request for a document."""


def read_index(body: bytes, group: str) -> dict[str, str]:
    """Return the URLs of the documents by path; ValueError, or another error of reading, for what is no index.

    Of documents of versions only those of the server's own group count.
    """
    paths = json.loads(body)["paths"]
    found = {path: str(each["serverRelativeURL"]) for path, each in paths.items()}
    return {path: url for path, url in found.items() if _is_own(path, group)}


def _is_own(path: str, group: str) -> bool:
    parts = path.split("/")
    if parts[0] == "apis" and len(parts) > 1:
        return parts[1] == group
    return parts[0] != "api"
