"""The command line: parses arguments, starts clusters, queries them and prints text."""
