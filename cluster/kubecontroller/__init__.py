"""kubecontroller."""
