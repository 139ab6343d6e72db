"""The controllers: they make the objects of the Store as the manifests want them, as kube-controller-manager does.

The nouns to know: ``Change`` (a write that a controller wants, as a value), ``Listers`` (the Store's objects, indexed)
and ``Controller``: a pure function from objects and the time to a list of changes. ``workload`` has Deployments and
ReplicaSets, ``service`` endpoints and load balancers, ``cleanup`` deletions; ``io`` runs them all on the event loop.
"""
