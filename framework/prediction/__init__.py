"""What a fit says of rows: residuals, predictions, simulated responses."""
