"""Documents that a running cluster takes: each is tried before any is written, and reviewed as kubectl's are."""
