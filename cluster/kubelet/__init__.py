"""Pods as local processes in sandboxes: Node objects, pod addresses, restarts, probes and logs.

``runtime`` has the kubelet and the worker of each pod; it does what the state machines in ``pod`` decide. ``images``
says what runs for an image, ``tools`` are scripts that pods find on their PATH. ``process`` starts processes, which the
zygote forks, and ``servers`` are what a container of a built-in image becomes; ``sandbox`` is what makes the zygote
the agent that holds the pods' namespaces. ``spec`` are the values that go between these. ``pod``, ``images``, ``tools``
and ``spec`` are pure. Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""
