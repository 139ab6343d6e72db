"""ResourceQuota: what objects take of it, and what no longer fits. Pure."""
