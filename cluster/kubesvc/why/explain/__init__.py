"""`kubesvc explain svc/NAME`: in sentences, why a Service has no endpoints, or where its traffic goes.

``explaining`` makes the document, ``kubesvc.terminal.text.explanations`` the text.
"""
