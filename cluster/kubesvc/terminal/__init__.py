"""The command line: reads arguments, starts and asks clusters, and prints for people."""
