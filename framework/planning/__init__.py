"""Power of tests by simulation: how often an effect of a size would be found in a design of a size."""
