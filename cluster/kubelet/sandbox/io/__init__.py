"""What the agent does for sandboxes: namespaces entered, links and addresses made, sockets handed out."""
