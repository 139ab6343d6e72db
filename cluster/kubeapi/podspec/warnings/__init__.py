"""What the writer of a pod's spec is warned of: what has no effect here, what is hardly meant. Pure."""
