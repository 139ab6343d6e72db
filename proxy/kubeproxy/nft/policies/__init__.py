"""NetworkPolicies, in a table of their own. Pure."""
