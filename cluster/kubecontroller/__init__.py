"""The controllers: from what the manifests want to what is there, as kube-controller-manager does it.

The nouns to know: ``Change`` (a write that a controller wants, as a value), ``Listers`` (what the controllers know,
indexed) and ``ControllerManager`` (who runs them). Every controller is a pure function from objects and the time to
a list of changes; only ``controller`` knows asyncio.
"""
