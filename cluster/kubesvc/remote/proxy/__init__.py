"""`kubesvc proxy`: in the place of kube-proxy, on a node of a real cluster."""
