"""The input of a cluster that is run from Python: paths of manifests, and objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from kubemanifest.documents import CONFIGURATION_API_VERSION, CONFIGURATION_KIND, Loaded
from kubemanifest.faults import Fault
from kubemanifest.loading import load

Input = str | os.PathLike[str] | Mapping[str, Any]
"""The path of a manifest or of a folder of manifests, or an object."""

_OBJECTS = "<objects>"
"""The file name in the faults of objects; the objects are its documents, in the order given."""


class FaultsError(ValueError):
    """Some documents have faults, so nothing was done. The text has one or two lines for each fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def load_documents(inputs: Iterable[Input], configuration: Mapping[str, Any] | None = None) -> Loaded:
    """Read the inputs; ``configuration`` is a ClusterConfiguration without apiVersion and kind."""
    paths: list[str] = []
    objects: list[Mapping[str, Any]] = []
    for each in inputs:
        if isinstance(each, Mapping):
            objects.append(each)
        else:
            paths.append(os.fspath(each))
    if configuration is not None:
        objects.append({"apiVersion": CONFIGURATION_API_VERSION, "kind": CONFIGURATION_KIND, **configuration})
    if objects:
        paths.append("-")
    text = "\n---\n".join(map(json.dumps, objects))
    return load(paths, StringIO(text), _OBJECTS) if paths else Loaded()
