# Figures of R for tests/diagnostics: Rscript make_reference.R, in this folder.
library(lme4)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6))
m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = tight)
g <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial,
           control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6), tolPwrss = 1e-13))
# no variance between batches: a linear model of lm
l <- lm(Yield ~ 1, Dyestuff2)
set.seed(1)
x <- lm(Reaction ~ Days + I(Days^2), sleepstudy)
q <- lmer(Reaction ~ Days + I(Days^2) + (1 | Subject), sleepstudy, control = tight)
without <- sapply(c("309", "337", "371"), function(s) fixef(update(m, data = subset(sleepstudy, Subject != s))))
out <- list(
  versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                  car = as.character(packageVersion("car"))),
  sleepstudy_hat = unname(hatvalues(m)),
  sleepstudy_rstudent = unname(residuals(m) / (sigma(m) * sqrt(1 - hatvalues(m)))),
  sleepstudy_pca = list(sd = sigma(m) * rePCA(m)$Subject$sdev, rotation = rePCA(m)$Subject$rotation),
  sleepstudy_without = without,
  sleepstudy_vif = unname(car::vif(q)),
  cbpp_vif = unname(car::vif(glmer(cbind(incidence, size - incidence) ~ period + size + (1 | herd), cbpp, binomial))[, 1]),
  lm_cooks = unname(cooks.distance(l)), lm_dfbetas = unname(dfbetas(l)[, 1]), lm_covratio = unname(covratio(l)),
  lm_sigma = unname(influence(l)$sigma), lm_rstandard = unname(rstandard(l))
)
jsonlite::write_json(out, "r_reference.json", digits = 12, auto_unbox = TRUE)
