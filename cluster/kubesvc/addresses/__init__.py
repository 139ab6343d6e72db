"""Where the addresses of a cluster are on this machine. Pure."""
