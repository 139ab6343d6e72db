"""Manifests: read from files and from request bodies, with the position of every fault, and applied as kubectl does.

From a path to the Registry: ``loading`` finds files, ``reading`` splits a text into values with their places
(``yamltext`` for YAML), ``classifying`` makes a ``Document`` of each object, ``applying`` writes them in order
(``clientapply`` for one). ``Loaded`` is all of the input, ``Fault`` one fault with file, line, column and field.
"""

from kubemanifest.applying import (
    Applied,
    Changes,
    apply_documents,
    changes_between,
    faults_of,
    in_order,
    with_objects,
)
from kubemanifest.documents import (
    CONFIGURATION_API_VERSION,
    CONFIGURATION_KIND,
    Document,
    Loaded,
    bare_document,
    position_of,
)
from kubemanifest.faults import Fault, Position
from kubemanifest.loading import load, load_text

__all__ = [
    "CONFIGURATION_API_VERSION",
    "CONFIGURATION_KIND",
    "Applied",
    "Changes",
    "Document",
    "Fault",
    "Loaded",
    "Position",
    "apply_documents",
    "bare_document",
    "changes_between",
    "faults_of",
    "in_order",
    "load",
    "load_text",
    "position_of",
    "with_objects",
]
