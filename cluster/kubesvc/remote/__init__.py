"""The same proxy and DNS on the API of a real cluster, and a remote cluster's Services on this machine.

``proxy``, ``dns``  `kubesvc proxy` and `kubesvc dns`; ``corefile`` reads what a Corefile says
``connect``         `kubesvc connect`
``errors``, ``losses``, ``user``  what ends such a command, and how it speaks to its user
"""
