"""Which requests pass: the bearer token, impersonated users, and the reviews that tell what a user may do. Pure."""
