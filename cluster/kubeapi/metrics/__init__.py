"""What metrics.k8s.io and custom.metrics.k8s.io say: the language between measuring and asking. Pure."""
