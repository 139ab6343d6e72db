"""The Common Expression Language as Kubernetes has it: parser, type checker, evaluator, function libraries. Pure.

``Environment`` compiles an expression into a ``Program``; see ``environment``. Nothing here knows what is validated.
"""
