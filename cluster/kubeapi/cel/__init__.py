"""The Common Expression Language as Kubernetes has it, in the order in which an expression passes through. Pure.

- ``environment``: what an expression may name; ``program.compiled`` makes a ``Program`` of text and environment
- ``syntax``: from text to a tree of nodes
- ``checking``: which type each node has, and what does not fit
- ``cost``: what the expression costs at most
- ``evaluation``: its value
- ``library``: the functions; ``declarations`` says what a function is
- ``types``, ``values``, ``faults``: the nouns of all of them

Follows cel-go (``parser``, ``checker``, ``interpreter``, ``ext``) and apiserver ``pkg/cel``.
"""
