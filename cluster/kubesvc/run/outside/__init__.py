"""The servers of ``externalHosts``, outside of the cluster."""
