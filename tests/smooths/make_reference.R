# Figures of mgcv for test_smooths.py: Rscript make_reference.R > reference.json, in this folder.
# data.csv was drawn once: a sine of x whose size is by f, an effect of each g, and noise; counts by the same predictor.
suppressMessages(library(mgcv))
d <- read.csv("data.csv", stringsAsFactors = TRUE)
control <- gam.control(epsilon = 1e-12, newton = list(conv.tol = 1e-10))
at <- data.frame(x = c(-0.2, 0.1, 0.5, 1.3), z = 0.3, f = "b", g = "g00")

figures <- function(formula, method = "REML", family = gaussian()) {
  m <- suppressWarnings(gam(formula, data = d, method = method, family = family, control = control))
  smooth <- !grepl("s(g)", sapply(m$smooth, function(s) s$label), fixed = TRUE)
  edf <- sapply(m$smooth, function(s) sum(m$edf[s$first.para:s$last.para]))
  new <- predict(m, at, exclude = "s(g)", se.fit = TRUE)
  curve <- predict(m, at, type = "terms", terms = m$smooth[[1]]$label, se.fit = TRUE)
  list(criterion = -m$gcv.ubre[[1]], sigma2 = m$sig2, fitted = as.numeric(m$linear.predictors[c(1, 2, 240)]),
       edf = edf[smooth], ref_df = summary(m)$s.table[smooth, 2], statistic = summary(m)$s.table[smooth, 3], p_value = summary(m)$s.table[smooth, 4],
       new = as.numeric(new$fit), curve = as.numeric(curve$fit), curve_se = as.numeric(curve$se.fit))
}

out <- list(
  version = as.character(packageVersion("mgcv")),
  ps = figures(y ~ s(x, bs = "ps") + f + s(g, bs = "re")),
  ps_20 = figures(y ~ s(x, bs = "ps", k = 20) + f + s(g, bs = "re")),
  ps_alone = figures(y ~ s(x, bs = "ps") + f),
  tp = figures(y ~ s(x) + f + s(g, bs = "re")),
  two = figures(y ~ s(x) + s(z, bs = "ps", k = 6) + f + s(g, bs = "re")),
  by_factor = figures(y ~ f + s(x, by = f, bs = "ps", k = 8) + s(g, bs = "re")),
  by_number = figures(y ~ s(z, by = x, bs = "ps") + s(g, bs = "re")),
  poisson_ps = figures(count ~ s(x, bs = "ps") + f + s(g, bs = "re"), "ML", poisson()),
  poisson_tp = figures(count ~ s(x) + f + s(g, bs = "re"), "ML", poisson())
)
m <- gamm(y ~ s(x, bs = "ps") + f, random = list(g = ~ 1 + z), data = d, method = "REML",
          control = lmeControl(msMaxIter = 500, tolerance = 1e-10, msTol = 1e-12, maxIter = 500))
out$gamm <- list(log_likelihood = as.numeric(logLik(m$lme)), sigma = m$lme$sigma, edf = summary(m$gam)$s.table[1, 1],
                 fitted = as.numeric(fitted(m$gam)[c(1, 2, 240)]))
cat(jsonlite::toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE))
