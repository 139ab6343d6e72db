"""The REST API of Kubernetes over the Registry, as kube-apiserver answers it.

``APIServer`` answers a ``Request`` with a ``Response``, ``Watch``, ``Session`` or ``Proxied`` (all in messages.py).
``requests`` reads what is asked, ``handlers`` do it, ``responses`` make the bytes of the answer; all of that is pure.
``wire`` does the IO.
"""
