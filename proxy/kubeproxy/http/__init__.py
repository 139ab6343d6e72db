"""HTTP/1.1 as bytes: heads, bodies, and which of them are refused (RFC 9112). Pure."""
