"""The controllers of nodes: their taints, and the pods that have to leave because of these."""
