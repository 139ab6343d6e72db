"""Admission webhooks: which ones a request matches, what each is asked, and what its answer means. Pure."""
