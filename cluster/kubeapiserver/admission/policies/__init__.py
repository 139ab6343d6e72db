"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy: which requests they match, and what they decide. Pure.

Follows apiserver ``pkg/admission/plugin/policy``. Imported for the first policy, or the first webhook with a condition.
"""
