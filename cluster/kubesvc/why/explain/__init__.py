"""`kubesvc explain svc/NAME`: in sentences, why a Service has no endpoints, or where its traffic goes.

``explaining`` makes the document and ``printing`` the text; the command line needs only the latter, which is quick.
"""
