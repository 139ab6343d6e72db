"""The controller of CustomResourceDefinitions: names, conditions, and the objects of those that are deleted. Pure."""
