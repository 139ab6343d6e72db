"""The expressions of admission: what they may name, how they are compiled, and what is wrong with policies. Pure.

Follows apiserver ``pkg/admission/plugin/cel``. Evaluating them is ``kubeapiserver.admission``'s.
"""
