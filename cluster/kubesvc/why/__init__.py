"""JSON documents about a running cluster: status, explanations, traces, connections. Nothing prints here."""
