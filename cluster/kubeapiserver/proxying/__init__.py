"""The subresource ``proxy``: where a request goes, and what changes on the way. Pure."""
