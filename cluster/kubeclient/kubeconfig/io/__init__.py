"""Reading kubeconfig files, and what a pod has in their place."""
