"""kubedns."""
