"""What a fit has to be looked at for: leverage, influence, simulated residuals, collinearity; findings in words."""
