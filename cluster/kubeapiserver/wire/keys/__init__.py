"""The keys of a cluster on disk: certificates, and what signs tokens. `cryptography` is imported on use."""
