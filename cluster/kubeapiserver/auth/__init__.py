"""Which requests are allowed: the bearer token, the Host header, and the user that a request impersonates. Pure."""
