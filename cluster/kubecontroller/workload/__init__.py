"""Workloads: Deployments make ReplicaSets, these, StatefulSets and DaemonSets make pods. Pure."""
