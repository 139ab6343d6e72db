"""The control socket of a running cluster: its server, and the client that the command line uses."""
