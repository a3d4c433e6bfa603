"""Inference: Wald and Satterthwaite tests, likelihood ratio tests, intraclass correlation."""
