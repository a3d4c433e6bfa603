"""From the user's arrays to model matrices and their cross-products, checked once."""
