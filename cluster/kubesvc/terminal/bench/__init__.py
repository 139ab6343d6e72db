"""`kubesvc bench`: its options, its runs, and what it prints of them."""
