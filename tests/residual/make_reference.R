# Writes reference.json: fits of nlme and glmmTMB to rows.csv, with tight controls.
library(nlme)
library(glmmTMB)
d <- read.csv("rows.csv")
d <- within(d, { arm <- factor(arm); visit <- factor(time); subject <- factor(subject); site <- factor(site) })
d$at <- as.integer(d$visit)
d <- d[order(d$subject, d$time), ]  # gls normalizes residuals of other orders by the blocks of other rows
of_lme <- lmeControl(msMaxIter = 500, maxIter = 500, tolerance = 1e-10, msTol = 1e-12, opt = "optim", returnObject = TRUE)
of_gls <- glsControl(msMaxIter = 500, maxIter = 500, tolerance = 1e-10, msTol = 1e-12, opt = "optim")

figures <- function(m) {
  V <- m$modelStruct$varStruct
  list(
    loglik = as.numeric(logLik(m)),
    beta = unname(if (inherits(m, "lme")) fixef(m) else coef(m)),
    se = unname(sqrt(diag(vcov(m)))),
    sigma = m$sigma,
    cor = unname(coef(m$modelStruct$corStruct, unconstrained = FALSE)),
    var = if (is.null(V)) NULL else as.list(coef(V, unconstrained = FALSE, allCoef = TRUE)),
    normalized = unname(as.numeric(residuals(m, type = "normalized")))[1:8]
  )
}
arms <- varIdent(form = ~ 1 | arm)
fits <- list()
for (method in c("REML", "ML")) {
  add <- function(name, m) fits[[paste(name, method)]] <<- figures(m)
  add("ar1 arms", gls(y ~ arm + time, d, corAR1(0.5, form = ~ time | subject), weights = arms, method = method, control = of_gls))
  add("car1", gls(y ~ arm + time, d, corCAR1(0.5, form = ~ time | subject), method = method, control = of_gls))
  add("cs exp", gls(y ~ arm + time, d, corCompSymm(0.5, form = ~ 1 | subject), weights = varExp(form = ~ time), method = method, control = of_gls))
  add("us", gls(y ~ arm * visit, d, corSymm(form = ~ at | subject), weights = varIdent(form = ~ 1 | visit), method = method, control = of_gls))
  add("lme ar1 arms", lme(y ~ arm + time, d, ~ 1 | site, corAR1(0.5, form = ~ time | site / subject), weights = arms, method = method, control = of_lme))
  add("lme arms", lme(y ~ arm + time, d, ~ time | site, weights = arms, method = method, control = of_lme))
}
tmb <- function(m) list(loglik = as.numeric(logLik(m)), beta = unname(fixef(m)$cond))
fits[["glmmTMB ar1"]] <- tmb(glmmTMB(y ~ arm + time + (1 | site) + ar1(0 + visit | subject), d, dispformula = ~ 0))
fits[["glmmTMB toep"]] <- tmb(glmmTMB(y ~ arm + time + toep(0 + visit | subject), d, dispformula = ~ 0))
fits[["glmmTMB cs"]] <- tmb(glmmTMB(y ~ arm + time + (1 | site) + cs(0 + visit | subject), d, dispformula = ~ 0))
fits$versions <- list(R = R.version.string, nlme = as.character(packageVersion("nlme")), glmmTMB = as.character(packageVersion("glmmTMB")))
jsonlite::write_json(fits, "reference.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
