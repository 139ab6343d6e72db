"""Following the resources of an API server."""
