"""Connections to the pods of a remote cluster, which travel by the API server's port-forward."""
