"""Custom resources: the kinds that CustomResourceDefinitions define while a cluster runs.

``CustomResource`` is a Resource that carries its own rules: decoding, defaults, validation, columns. ``CustomKinds``
derives those of a Store from its CustomResourceDefinitions. Follows k8s.io/apiextensions-apiserver. Pure.
"""
