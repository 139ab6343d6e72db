"""The control socket of a running cluster, as the command line uses it; ``run.control`` serves it."""
