"""Workloads: Deployments make ReplicaSets; ReplicaSets, StatefulSets and DaemonSets make pods. Pure."""
