"""The manifests that ``up`` is given: reading them, saying what is wrong and where, and applying them.

The nouns to know: ``Document`` (an object and where it is written), ``Loaded`` (all of the input), ``Fault``
(one fault with file, line, column and field).
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
