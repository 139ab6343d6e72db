"""All IO of the API server: TLS, HTTP, WebSockets, watches, sessions and the thread for large bodies."""
