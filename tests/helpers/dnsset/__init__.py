"""The same questions to kubesvc's name server and to CoreDNS, both on the API of one cluster.

- ``objects``: what must be in the cluster, one Service for each thing that DNS tells apart
- ``questions``: over 1,500 packets about it
- ``comparing``: asks two servers, and says where their answers differ and which of that is declared
"""
