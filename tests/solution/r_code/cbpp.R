# The model that ranef fitted as incidence / size ~ (Intercept) + period2 + period3 + period4 + (1 | herd)
# by lme4, with ranef's figures beside. R's packages search less closely by default: differences of a
# thousandth of a standard error are those of the search.
library(lme4)

# y: incidence / size
# x1: (Intercept)
# x2: period2
# x3: period3
# x4: period4
# g1: herd
# w: weights
d <- data.frame(
  y = c(0.14285714285714285, 0.25, 0.4444444444444444, 0, 0.13636363636363635, 0.05555555555555555,
    0.047619047619047616, 0.36363636363636365, 0.125, 0, 0.1, 0.2, 0, 0.2222222222222222, 0,
    0.2777777777777778, 0, 0, 0.25, 0.17647058823529413, 0, 0, 0.05, 0.5, 0.1, 0.3333333333333333, 0,
    0.35294117647058826, 0.2222222222222222, 0, 0, 0, 0.045454545454545456, 0.045454545454545456, 0,
    0.09090909090909091, 0, 0.18518518518518517, 0.13636363636363635, 0.045454545454545456, 0.2, 0.125,
    0, 0, 0.047619047619047616, 0.08333333333333333, 0, 0, 0.5789473684210527, 0, 0, 0,
    0.05263157894736842, 0.06666666666666667, 0.06666666666666667, 0),
  x1 = rep(1, 56),
  x2 = c(0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0,
    1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0),
  x3 = c(0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0,
    0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0),
  x4 = c(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0,
    0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
  g1 = factor(c(1, 1, 1, 1, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14,
    15, 15, 15, 15, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7), levels = 1:15, labels = c("1", "10", "11", "12", "13", "14", "15", "2", "3", "4", "5", "6", "7", "8", "9")),
  w = c(14, 12, 9, 5, 22, 18, 21, 22, 16, 16, 20, 10, 10, 9, 6, 18, 25, 24, 4, 17, 17, 18, 20, 16, 10, 9, 5,
    34, 9, 6, 8, 6, 22, 22, 18, 22, 25, 27, 22, 22, 10, 8, 6, 5, 21, 24, 19, 23, 19, 2, 3, 2, 19, 15,
    15, 15)
)

m <- glmer(
  y ~ 0 + x1 + x2 + x3 + x4 + (1 | g1),
  data = d,
  family = binomial(link = "logit"),
  nAGQ = 1,
  weights = w,
  control = glmerControl(tolPwrss = 1e-13)
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
  c(-92.02628186),
  as.numeric(logLik(m)))
beside("Fixed effects",
  c("(Intercept)", "period2", "period3", "period4"),
  c(-1.398532147, -0.9923327393, -1.128672085, -1.580313852),
  unname(fixef(m)[c("x1", "x2", "x3", "x4")]))
beside("Standard errors",
  c("(Intercept)", "period2", "period3", "period4"),
  c(0.2324719927, 0.3066424986, 0.3266378509, 0.4274365818),
  unname(sqrt(diag(as.matrix(vcov(m))))[c("x1", "x2", "x3", "x4")]))
beside("Standard deviations and correlations of random effects",
  c("herd (Intercept)"),
  c(0.6422614489),
  unname(components(VarCorr(m))[c("g1 (Intercept)")]))
