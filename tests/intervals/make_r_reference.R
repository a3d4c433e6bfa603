# Profile and Wald intervals by lme4 and glmmTMB of models that tests/reference has data for: writes r_reference.json.
# Rscript tests/intervals/make_r_reference.R
suppressMessages({library(lme4); library(glmmTMB); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
data <- function(name) read.csv(file.path(here, "..", "reference", "data", name))

table_of <- function(ci) setNames(lapply(seq_len(nrow(ci)), function(i) unname(ci[i, 1:2])), rownames(ci))
profiled <- function(m) table_of(suppressWarnings(confint(m, method = "profile", oldNames = FALSE, quiet = TRUE)))
wald <- function(m) {
  out <- confint(m, method = "wald", full = TRUE)
  table_of(out)
}

poisson <- data("sim_poisson_offset.csv")
pastes <- data("pastes.csv")
sleepstudy <- data("sleepstudy.csv")
negbin <- data("sim_negbin.csv")
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-12)
out <- list(
  versions = list(lme4 = as.character(packageVersion("lme4")), glmmTMB = as.character(packageVersion("glmmTMB"))),
  profile = list(
    glmm_poisson_offset = profiled(glmer(y ~ x + offset(logexp) + (1 + x | g), poisson, family = "poisson", control = tight)),
    lmm_pastes_ml = profiled(lmer(strength ~ 1 + (1 | batch) + (1 | sample), pastes, REML = FALSE))
  ),
  wald = list(
    lmm_sleepstudy_slope_ml = wald(glmmTMB(Reaction ~ Days + (Days | Subject), sleepstudy)),
    lmm_penicillin_ml = wald(glmmTMB(diameter ~ 1 + (1 | plate) + (1 | sample), data("penicillin.csv"))),
    glmm_negbin = wald(glmmTMB(y ~ x + (1 | g), negbin, family = nbinom2))
  )
)
write_json(out, file.path(here, "r_reference.json"), auto_unbox = TRUE, digits = 12, pretty = TRUE)
