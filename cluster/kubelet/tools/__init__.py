"""The scripts in front of every pod's PATH, which find the cluster's names and addresses. Pure."""
