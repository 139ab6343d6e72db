"""What the agent does for sandboxes: namespaces, links and addresses made, sockets handed out, file systems built."""
