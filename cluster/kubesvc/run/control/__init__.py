"""The control socket: what ``kubesvc.control``'s client asks of the running cluster."""
