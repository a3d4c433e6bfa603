"""Front ends: `lmm` and `glmm`."""
