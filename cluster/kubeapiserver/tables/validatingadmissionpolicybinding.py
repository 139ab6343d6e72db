"""The table of ValidatingAdmissionPolicyBindings (printValidatingAdmissionPolicyBinding)."""

from __future__ import annotations

from kubeapi.scheme import VALIDATINGADMISSIONPOLICYBINDINGS
from kubeapiserver.tables.columns import Table
from kubeapiserver.tables.policies import BINDING_COLUMNS

TABLE = Table(VALIDATINGADMISSIONPOLICYBINDINGS, BINDING_COLUMNS)
