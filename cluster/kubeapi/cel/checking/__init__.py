"""Whether an expression fits its environment: the types of its parts, or its faults (cel-go ``checker``). Pure."""
