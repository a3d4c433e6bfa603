# lme4's best log-likelihood for the models of simulated.py: Rscript make_lme4_reference.R FOLDER > lme4_reference.csv
# Three optimizers with tight tolerances, each started twice; the best of them is written.
suppressMessages(library(lme4))
folder <- commandArgs(trailingOnly = TRUE)[1]
models <- read.csv(file.path(folder, "models.csv"))
quiet <- function(e) suppressMessages(suppressWarnings(e))
controls <- list(
  lmerControl("bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE),
  lmerControl("Nelder_Mead", optCtrl = list(FtolAbs = 1e-13, FtolRel = 1e-15, XtolRel = 1e-12, maxfun = 1e5),
              calc.derivs = FALSE),
  lmerControl("nloptwrap", optCtrl = list(algorithm = "NLOPT_LN_COBYLA", xtol_abs = 1e-11, ftol_abs = 1e-13,
                                          maxeval = 1e5), calc.derivs = FALSE))
cat("name,n,y_sum,logLik,default\n")
for (i in seq_len(nrow(models))) {
  d <- read.csv(file.path(folder, paste0(i, ".csv")))
  for (g in c("a", "b", "c")) if (g %in% names(d)) d[[g]] <- factor(d[[g]])
  weights <- if (models$weighted[i]) d$w else rep(1, nrow(d))
  f <- as.formula(models$formula[i])
  default <- quiet(lmer(f, d, REML = models$reml[i], weights = weights))
  best <- as.numeric(logLik(default))
  for (control in controls) {
    fit <- quiet(lmer(f, d, REML = models$reml[i], weights = weights, control = control))
    again <- quiet(lmer(f, d, REML = models$reml[i], weights = weights, control = control,
                        start = pmax(getME(fit, "theta"), 0.1)))
    best <- max(best, as.numeric(logLik(fit)), as.numeric(logLik(again)))
  }
  cat(sprintf("\"%s\",%d,%.10f,%.9f,%.9f\n", models$name[i], nrow(d), sum(d$y), best, as.numeric(logLik(default))))
}
