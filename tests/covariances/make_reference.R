# Fits of structured covariance matrices by glmmTMB, and by nlme what that has not: Rscript tests/covariances/make_reference.R writes reference.json.
library(glmmTMB)
library(nlme)
library(jsonlite)
here <- "tests/covariances"
visits <- read.csv(file.path(here, "visits.csv"))
visits$visit <- factor(visits$visit)
visits$patient <- factor(visits$patient)
data(sleepstudy, package = "lme4")

control <- glmmTMBControl(optimizer = optim, optArgs = list(method = "BFGS"),
                          optCtrl = list(reltol = 1e-15, maxit = 5000))
fit <- function(formula, data, ...) {
  first <- glmmTMB(formula, data = data, ...)
  again <- try(update(first, control = control, start = first$obj$env$parList(first$fit$par)), silent = TRUE)
  best <- if (inherits(again, "try-error") || is.na(logLik(again)) || logLik(again) < logLik(first)) first else again
  vc <- VarCorr(best)$cond[[1]]
  list(logLik = as.numeric(logLik(best)), npar = attr(logLik(best), "df"),
       fixef = as.list(unname(fixef(best)$cond)), se = as.list(unname(sqrt(diag(vcov(best)$cond)))),
       covariance = unname(as.list(as.data.frame(matrix(as.numeric(vc), nrow(vc))))),
       sigma = sigma(best), gradient = max(abs(best$obj$gr(best$fit$par))))
}
out <- list(version = as.character(packageVersion("glmmTMB")))
for (reml in c(FALSE, TRUE)) {
  method <- if (reml) "reml" else "ml"
  for (s in c("cs", "diag", "us")) {
    f <- as.formula(sprintf("Reaction ~ Days + %s(1 + Days | Subject)", s))
    out[[sprintf("sleepstudy_%s_%s", s, method)]] <- try(fit(f, sleepstudy, REML = reml))
  }
  for (s in c("cs", "ar1", "toep")) {
    f <- as.formula(sprintf("y ~ x + %s(0 + visit | patient)", s))
    out[[sprintf("visits_%s_%s", s, method)]] <- try(fit(f, visits, REML = reml))
  }
}
for (s in c("cs", "ar1", "toep", "diag")) {
  f <- as.formula(sprintf("count ~ x + %s(0 + visit | patient)", s))
  out[[sprintf("counts_%s", s)]] <- try(fit(f, visits, family = poisson))
}
tight <- lmeControl(msTol = 1e-12, tolerance = 1e-12, niterEM = 0, msMaxIter = 500, opt = "optim")
by_nlme <- function(random, method) {
  m <- lme(y ~ x, visits, random = random, method = method, control = tight)
  list(logLik = as.numeric(logLik(m)), npar = attr(logLik(m), "df"), fixef = as.list(unname(fixef(m))),
       se = as.list(unname(sqrt(diag(vcov(m))))), covariance = unname(as.list(as.data.frame(unclass(getVarCov(m))))),
       sigma = m$sigma, gradient = NA)
}
for (method in c("ML", "REML")) {
  out[[sprintf("visits_homdiag_%s", tolower(method))]] <- by_nlme(list(patient = pdIdent(~ 0 + visit)), method)
  out[[sprintf("visits_homcs_%s", tolower(method))]] <- by_nlme(list(patient = pdCompSymm(~ 0 + visit)), method)
}
out <- Filter(function(fit) !inherits(fit, "try-error"), out)
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), file.path(here, "reference.json"))
