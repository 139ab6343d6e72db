"""The value of an expression (cel-go ``interpreter``): operators, access to fields, and a bound on the work. Pure."""
