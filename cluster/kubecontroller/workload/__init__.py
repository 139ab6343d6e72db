"""Workloads: Deployments make ReplicaSets; ReplicaSets, StatefulSets and DaemonSets make pods. Pure.

A workload with several files is a folder; its ``controller`` reads the Store, its ``step`` decides one reconcile.
Shared by them: ``ownership`` (adopting and releasing), ``podcontrol`` (pods of a template), ``controllerrevision`` (the
templates that a StatefulSet or DaemonSet has had), ``hashing`` (of templates), ``intstr`` (numbers as percentages).
"""
