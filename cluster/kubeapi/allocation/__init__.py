"""The pools of cluster IPs and node ports, and the cluster's settings that say how large they are."""
