"""A decision in words, as `kubesvc trace` prints it. Pure, and decides nothing."""
