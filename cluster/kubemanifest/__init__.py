"""Manifests: read from files and from request bodies, with the position of every fault, and applied as kubectl does.

From a path to the Registry: ``loading`` finds files, ``reading`` splits a text into values with their places
(``yamltext`` for YAML), ``classifying`` makes a ``Document`` of each object, ``applying`` writes them in order
(``clientapply`` for one). ``documents.Loaded`` is all of the input, ``faults.Fault`` one fault with file, line, column
and field. Nothing is imported here: a kubeconfig takes ``reading`` alone, and no kind.
"""
