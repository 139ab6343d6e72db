"""What ResourceQuotas have given."""
