"""kubesvc."""
