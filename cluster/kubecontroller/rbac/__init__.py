"""ClusterRoles that are made of others."""
