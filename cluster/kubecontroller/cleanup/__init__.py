"""Deletions that follow from others: of dependents, of a Namespace's contents, of the pods of a lost node. Pure."""
