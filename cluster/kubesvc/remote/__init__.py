"""The same proxy and DNS on the API of a real cluster, and a remote cluster's Services on this machine."""
