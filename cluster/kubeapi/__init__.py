"""Kubernetes objects, and the Store through which all components exchange them.

The nouns to know: ``JSON`` (an object as its manifest has it), ``Resource`` (a kind and its place in the API), ``Kind``
(the rules of a kind), ``objects`` (readings of an object's fields), ``Store`` (all objects, versioned and watchable),
``Registry`` (writes that are checked and completed) and ``Informer`` (how a component follows the Store).

Of the folders, ``serialization`` and ``schema`` read JSON as the API server does; ``validation``, ``podspec`` and
``jobspec`` judge it; ``kinds`` has the rules of each kind, ``customresources`` those of defined ones; ``allocation``
has the pools of addresses and ports, ``quota``, ``rbac``, ``serviceaccounts``, ``policies`` and ``webhooks`` what
admission needs, ``cel`` the language of expressions, ``regexp`` that of patterns; ``extensions`` is what is known of
extension API servers; ``metrics`` what is measured; ``backends`` reads how a pod of kubesvc/backend behaves;
``selectors`` reads and writes label selectors; ``streaming`` has the protocols of exec and port-forward;
``registry`` and ``patch`` change what is stored, and ``io`` has what follows the Store on the event loop.
"""
