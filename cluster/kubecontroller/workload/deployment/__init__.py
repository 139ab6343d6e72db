"""Deployments: one ReplicaSet for each version of the pod template (``pkg/controller/deployment``). Pure."""
