"""The scheduler: decides which node a pod runs on, as kube-scheduler does with its default plug-ins.

The nouns to know: ``schedule`` (the decision, pure), ``Nodes`` (the nodes and the pods on them) and ``io.Scheduler``.
"""
