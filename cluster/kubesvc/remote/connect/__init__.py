"""`kubesvc connect`: a local cluster whose Store mirrors a remote one, without kubelet, controllers and scheduler.

- ``addresses``, ``translation``: the addresses of the remote cluster on this machine; pure
- ``mirror``: what the remote cluster says becomes objects of the local Store, and gateways of its pods; pure
- ``podports``: what the mirror asks of the gateways, which carry bytes to the pods by port-forward
"""
