"""Services: their endpoints, from pods or written by hand, and their load-balancer addresses. Pure."""
