"""Which of several algorithms is better, by trials that take turns on the same arrivals, and how sure that is. Pure."""
