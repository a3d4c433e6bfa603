# The model that ranef fitted as Yield ~ (Intercept) + (1 | Batch)
# by lme4, with ranef's figures beside. R's packages search less closely by default: differences of a
# thousandth of a standard error are those of the search.
library(lme4)

# y: Yield
# x1: (Intercept)
# g1: Batch
d <- data.frame(
  y = c(1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495, 1595, 1550, 1605, 1510, 1560, 1445,
    1440, 1595, 1465, 1545, 1595, 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445),
  x1 = rep(1, 30),
  g1 = factor(c(1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6), levels = 1:6, labels = c("A", "B", "C", "D", "E", "F"))
)

m <- lmer(
  y ~ 0 + x1 + (1 | g1),
  data = d,
  REML = TRUE
)
print(summary(m))

beside <- function(what, name, ranef, R) {
  cat("\n", what, "\n", sep = "")
  print(data.frame(name, ranef, R, difference = R - ranef), row.names = FALSE, digits = 7)
}
components <- function(V) {
  out <- c()
  for (i in seq_along(V)) {
    g <- sub("[.][0-9]+$", "", names(V)[i])
    s <- attr(V[[i]], "stddev")
    out[paste(g, names(s))] <- s
    C <- attr(V[[i]], "correlation")
    if (!is.null(C)) out[outer(names(s), names(s), function(a, b) paste(g, a, b))] <- C
  }
  out
}
beside("Log-likelihood",
  c("logLik"),
  c(-159.8271384),
  as.numeric(logLik(m)))
beside("Fixed effects",
  c("(Intercept)"),
  c(1527.5),
  unname(fixef(m)[c("x1")]))
beside("Standard errors",
  c("(Intercept)"),
  c(19.38341215),
  unname(sqrt(diag(as.matrix(vcov(m))))[c("x1")]))
beside("Standard deviations and correlations of random effects",
  c("Batch (Intercept)"),
  c(42.00059523),
  unname(components(VarCorr(m))[c("g1 (Intercept)")]))
beside("Residual standard deviation",
  c("sigma"),
  c(49.51009998),
  sigma(m))
