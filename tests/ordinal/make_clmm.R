# Makes clmm.json: cumulative link mixed models of the wine data by R's ordinal.
# Run by hand in this folder: Rscript make_clmm.R (R 4.2.2, ordinal 2022.11.16).
# clmm maximizes to 1e-6 of coefficients by default; here to a gradient of 1e-9. Its links cloglog and loglog are
# exchanged (its own clm has them as the documentation says, see test_the_links_are_those_that_they_are_called): `link`
# below is the distribution that was fitted.
library(ordinal)
library(jsonlite)
control <- clmm.control(gradTol = 1e-9, maxIter = 500)
one <- function(link = "logit", threshold = "flexible", nAGQ = 1, formula = rating ~ temp + contact + (1 | judge)) {
  asked <- c(cloglog = "loglog", loglog = "cloglog")[link]
  m <- suppressWarnings(clmm(formula, data = wine, link = if (is.na(asked)) link else asked, threshold = threshold,
                             nAGQ = nAGQ, control = control))
  se <- try(sqrt(diag(vcov(m))), silent = TRUE)
  V <- VarCorr(m)$judge
  list(link = link, threshold = threshold, nAGQ = nAGQ, formula = deparse(formula), logLik = as.numeric(logLik(m)),
       beta = unname(m$beta), thresholds = as.vector(m$Theta),
       se = if (inherits(se, "try-error")) NULL else as.list(se), sd = as.vector(attr(V, "stddev")),
       fitted = head(fitted(m), 4))
}
fits <- list(one(), one("probit"), one("cloglog"), one("loglog"), one("cauchit"), one(threshold = "symmetric"),
             one(threshold = "equidistant"), one(nAGQ = 5), one(nAGQ = 10),
             one(formula = rating ~ temp * contact + (1 | judge) + (1 | bottle)))
m <- clm(rating ~ temp + contact, data = wine, link = "cloglog")
clm <- list(cloglog = as.numeric(logLik(m)), coefficients = unname(coef(m)))
write(toJSON(list(fits = fits, clm = clm), auto_unbox = TRUE, digits = 12, pretty = TRUE), "clmm.json")
