"""The scheduler: which node a pod runs on, as kube-scheduler decides it, without its many plug-ins.

The nouns to know: ``schedule`` (the decision, pure), ``Nodes`` (what it knows of the nodes) and ``Scheduler``.
"""
