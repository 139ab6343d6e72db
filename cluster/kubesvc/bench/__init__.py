"""`kubesvc bench`: finds the Service in a running cluster, puts load on it, and says which pods it reached."""
