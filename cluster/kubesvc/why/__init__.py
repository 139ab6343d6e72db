"""What a cluster says of itself, as JSON documents: status, explanations, traces, connections. Nothing prints here."""
