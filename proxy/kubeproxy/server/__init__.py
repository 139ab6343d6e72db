"""The proxy as a component: it follows the cluster, programs its engine, and serves health and metrics."""
