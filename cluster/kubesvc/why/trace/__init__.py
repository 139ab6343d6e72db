"""`kubesvc trace`: what a packet meets on its way to a Service, and what the cluster's DNS answers, and why.

``addressing`` reads what the user wrote, ``documents`` makes the JSON, ``kubesvc.terminal.text.traces`` the text.
"""
