"""The commands that follow a real cluster: connect, dns and proxy."""
