"""What every namespace has for the identity of its pods, and the tokens in Secrets."""
