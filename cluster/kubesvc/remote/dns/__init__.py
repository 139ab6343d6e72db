"""`kubesvc dns`: in the place of CoreDNS, for a real cluster."""
