"""The API server of one cluster: its keys, its certificate, its kubeconfig."""
