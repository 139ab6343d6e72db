"""kubesvc's proxy, name server and connect beside kube-proxy, CoreDNS and kubectl, on one real API server."""
