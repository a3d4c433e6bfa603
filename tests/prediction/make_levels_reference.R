# Conditional modes, their standard deviations with and without those of other parameters, and coefficients by level.
# Rscript make_levels_reference.R > levels_reference.json         (lme4 1.1.31, glmmTMB 1.1.5, R 4.2.2 of Debian 12)
suppressMessages({ library(glmmTMB); library(lme4); library(jsonlite) })
by_level <- function(frames) lapply(frames, function(frame) list(
  level = rownames(frame), column = colnames(frame), value = unname(as.matrix(frame))
))
modes <- function(fit) {
  d <- as.data.frame(ranef(fit, condVar = TRUE))
  list(factor = as.character(d$grpvar), column = as.character(d$term), level = as.character(d$grp),
       value = d$condval, se = d$condsd)
}
exact <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5), calc.derivs = FALSE)
precise <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12)
tight <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14))
binomial_formula <- cbind(incidence, size - incidence) ~ period + (1 | herd)
lme4_fits <- list(
  sleepstudy = lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE, control = exact),
  penicillin = lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE, control = exact),
  cbpp = glmer(binomial_formula, cbpp, binomial, control = precise)
)
glmmTMB_fits <- list(
  sleepstudy = glmmTMB(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE, control = tight),
  penicillin = glmmTMB(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE, control = tight),
  cbpp = glmmTMB(binomial_formula, cbpp, family = binomial, control = tight)
)
cat(toJSON(list(
  lme4 = lapply(lme4_fits, function(fit) list(modes = modes(fit), coef = by_level(coef(fit)))),
  glmmTMB = lapply(glmmTMB_fits, modes)
), digits = 10, auto_unbox = TRUE, pretty = FALSE))
