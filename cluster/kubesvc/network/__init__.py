"""Where a cluster's addresses are on this machine."""
