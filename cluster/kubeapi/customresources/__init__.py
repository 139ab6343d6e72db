"""Custom resources: the kinds that CustomResourceDefinitions define while a cluster runs.

``CustomResource`` is a Resource that carries its own rules: decoding, defaults, validation, columns. ``CustomKinds``
derives those of a Store from its CustomResourceDefinitions. ``schema`` is what a structural schema does to an object,
``cel`` its rules, ``conversion`` its versions. Follows k8s.io/apiextensions-apiserver. Pure.
"""
