"""What a cluster takes of this machine: address ranges, routes, namespaces, the way to the internet."""
