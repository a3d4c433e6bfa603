"""Of residuals."""
