"""The table of MutatingAdmissionPolicyBindings (printMutatingAdmissionPolicyBinding)."""

from __future__ import annotations

from kubeapi.scheme import MUTATINGADMISSIONPOLICYBINDINGS
from kubeapiserver.tables.columns import Table
from kubeapiserver.tables.policies import BINDING_COLUMNS

TABLE = Table(MUTATINGADMISSIONPOLICYBINDINGS, BINDING_COLUMNS)
