# Tests of terms by lmerTest, lme4, car and glmmTMB: Rscript tests/inference/make_terms.R writes terms.json.
# Linear models are polished by Newton steps, and then tested at those estimates.
suppressMessages({library(lmerTest); library(pbkrtest); library(jsonlite); library(numDeriv); library(glmmTMB)})
here <- "tests/inference"
wards <- read.csv(file.path(here, "wards.csv"), stringsAsFactors = TRUE)

polished <- function(formula, data, ...) {
  more <- list(...)
  first <- do.call(lme4::lmer, c(list(formula, data = data), more))
  d <- do.call(lme4::lmer, c(list(formula, data = data, devFunOnly = TRUE), more))
  theta <- lme4::getME(first, "theta")
  for (i in 1:4) theta <- theta - solve(hessian(d, theta), grad(d, theta))
  do.call(lmerTest::lmer, c(list(formula, data = data, start = unname(theta), control = lmerControl(optimizer = NULL)), more))
}
table <- function(x) {
  x <- as.data.frame(x)
  list(rows = rownames(x), columns = lapply(as.list(x), function(v) as.numeric(v)))
}
types <- function(m, ddf = c("Satterthwaite", "Kenward-Roger")) {
  out <- list()
  for (method in ddf) for (type in 1:3) out[[method]][[as.character(type)]] <- table(anova(m, type = type, ddf = method))
  out
}
out <- list(lmerTest = as.character(packageVersion("lmerTest")), lme4 = as.character(packageVersion("lme4")),
            pbkrtest = as.character(packageVersion("pbkrtest")), car = as.character(packageVersion("car")),
            glmmTMB = as.character(packageVersion("glmmTMB")))

D <- wards
out$interaction <- types(m <- polished(y ~ drug * dose + x + (1 | ward) + (1 | nurse), D))
out$covariate <- types(polished(y ~ drug * x + dose + (1 | ward) + (1 | nurse), D))
out$nested <- types(polished(y ~ drug / dose + x + (1 | ward) + (1 | nurse), D), "Satterthwaite")
out$weights <- types(polished(y ~ drug * dose + x + (1 | ward) + (1 | nurse), D, weights = D$w), "Satterthwaite")
empty <- droplevels(D[!(D$drug == "c" & D$dose == "high"), ])
out$empty <- types(polished(y ~ drug * dose + x + (1 | ward) + (1 | nurse), empty))
out$drop1 <- list(F = table(drop1(m)), chisq = table(lme4:::drop1.merMod(lme4::lmer(y ~ drug * dose + x + (1 | ward) + (1 | nurse), D, REML = FALSE, control = lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-13, ftol_abs = 1e-13))), test = "Chisq")))

# ranova refits, so that its model has no start: a search to the end instead
D <- wards
tight <- lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-13, ftol_abs = 1e-13, maxeval = 1e5))
slopes <- lmerTest::lmer(y ~ drug + x + (x | ward) + (1 | nurse), D, control = tight)
out$ranova <- table(ranova(slopes))
out$ranova_whole <- table(ranova(slopes, reduce.terms = FALSE))
slopes_ml <- lmerTest::lmer(y ~ drug + x + (x | ward) + (1 | nurse), D, REML = FALSE, control = tight)
out$ranova_ml <- table(ranova(slopes_ml))
one <- lmerTest::lmer(y ~ drug + x + (1 | ward), D, control = tight)
out$ranova_one <- table(ranova(one))

m0 <- polished(y ~ x + (1 | ward), D, REML = FALSE)
m1 <- polished(y ~ x + (x | ward), D, REML = FALSE)
m2 <- polished(y ~ drug + x + (x | ward), D, REML = FALSE)
out$anova <- table(anova(m0, m1, m2))

g <- function(formula, family = poisson, data = D, contrasts = NULL)
  glmmTMB(formula, data = data, family = family, contrasts = contrasts,
          control = glmmTMBControl(optCtrl = list(rel.tol = 1e-15, x.tol = 1e-14, iter.max = 1000, eval.max = 2000)))
sums <- list(drug = "contr.sum", dose = "contr.sum")
out$poisson <- list(
  "2" = table(car::Anova(g(count ~ drug * dose + drug * x + (1 | ward)), type = 2)),
  "3" = table(car::Anova(g(count ~ drug * dose + drug * x + (1 | ward), contrasts = sums), type = 3)))
p0 <- g(count ~ drug + dose + x + (1 | ward)); p1 <- g(count ~ drug * dose + x + (1 | ward)); p2 <- g(count ~ drug * dose + drug * x + (1 | ward))
out$poisson$lrt <- table(anova(p0, p1, p2))
out$families <- list(poisson = as.numeric(c(logLik(p0), AIC(p0), BIC(p0))),
                     nbinom2 = as.numeric({b <- g(count ~ drug + dose + x + (1 | ward), nbinom2); c(logLik(b), AIC(b), BIC(b))}))
write(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = TRUE, na = "null"), file.path(here, "terms.json"))
