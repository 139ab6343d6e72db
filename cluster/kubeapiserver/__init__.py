"""kubectl's door: the REST API of Kubernetes over the Registry, as kube-apiserver answers it.

The nouns to know: ``Request`` and what a handler returns for it (``Response``, ``Watch`` or ``Session``), ``APIServer``
(the handlers, pure), ``Hooks`` (what it is given by others) and ``server`` (the one file that does the IO).
"""
