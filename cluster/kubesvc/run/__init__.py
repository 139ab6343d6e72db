"""One running cluster: what it is started from, its components, and how they are composed."""
