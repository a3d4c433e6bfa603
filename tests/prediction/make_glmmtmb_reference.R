# Standard errors of predictions by glmmTMB's predict(se.fit = TRUE), which account for the variance parameters.
# The lme4 of that Debian has no se.fit; `population` is re.form = NA. Not by REML:
# there glmmTMB says 3.55 for the intercept, whose standard error is 6.82 by lme4 and by its own summary.
# Rscript make_glmmtmb_reference.R > glmmtmb_reference.json       (glmmTMB 1.1.5, lme4 1.1.31, R 4.2.2 of Debian 12)
suppressMessages({ library(glmmTMB); library(lme4); library(jsonlite) })
figures <- function(fit, population = TRUE) {
  out <- list()
  for (type in c("link", "response")) {
    p <- predict(fit, type = type, se.fit = TRUE)
    out[[type]] <- list(fit = unname(p$fit), se = unname(p$se.fit))
    if (!population) next
    p <- predict(fit, type = type, se.fit = TRUE, re.form = NA)
    out[[paste0("population_", type)]] <- list(fit = unname(p$fit), se = unname(p$se.fit))
  }
  out
}
tight <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14))
fits <- list(
  sleepstudy = glmmTMB(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE, control = tight),
  sleepstudy_reml = glmmTMB(Reaction ~ Days + (Days | Subject), sleepstudy, REML = TRUE, control = tight),
  cbpp = glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial, control = tight),
  grouseticks = glmmTMB(TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | LOCATION), grouseticks, family = nbinom2,
                        control = tight)
)
cat(toJSON(lapply(fits, function(fit) figures(fit, !isTRUE(fit$modelInfo$REML))), digits = 10, auto_unbox = TRUE, pretty = TRUE))
