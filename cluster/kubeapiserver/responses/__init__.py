"""What an answer says: objects, lists, Tables, watch events and Statuses as bytes. Pure."""
