"""Inference: Wald tests with Satterthwaite's degrees of freedom, likelihood ratio tests, covariance of estimates."""
