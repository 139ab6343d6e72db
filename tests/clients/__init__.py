"""Client libraries of others against one cluster, which ends with this folder's last test: hence the package."""
