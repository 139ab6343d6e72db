"""Envoy's algorithms, and gRPC's that follow them."""
