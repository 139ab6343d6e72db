"""Server-side apply and managedFields: fields, owners, merging and conflicts. Pure."""
