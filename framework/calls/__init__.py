"""What a call says of a model: a formula or arrays in, a checked design out."""
