"""Linear-algebra backends, one module each."""
