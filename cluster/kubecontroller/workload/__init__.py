"""Workloads: Deployments make ReplicaSets, ReplicaSets make pods. Pure."""
