"""How a pod of image kubesvc/backend behaves: what the annotation ``kubesvc.dev/backend`` may say. Pure.

``model`` has what was said, ``reading`` reads the text. The API server refuses what is wrong when a pod or a template
is written; the pod's server and the simulation act on the same reading (``kubelet.servers.backend``).
"""

BACKEND_ANNOTATION = "kubesvc.dev/backend"
"""On a pod or a template of pods: how image kubesvc/backend answers."""
AT_ONCE = "0ms"
"""The behaviour of a pod without the annotation."""
