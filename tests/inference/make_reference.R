# Tests of contrasts by pbkrtest and lmerTest: Rscript tests/inference/make_reference.R writes reference.json.
# Every model is polished by Newton steps, and then tested at those estimates.
suppressMessages({library(lmerTest); library(pbkrtest); library(jsonlite); library(numDeriv)})
here <- "tests/inference"
ratings <- read.csv(file.path(here, "ratings.csv"), stringsAsFactors = TRUE)
data(cake, package = "lme4"); data(sleepstudy, package = "lme4")

polished <- function(formula, data) {
  first <- lme4::lmer(formula, data)
  d <- lme4::lmer(formula, data, devFunOnly = TRUE)
  theta <- lme4::getME(first, "theta")
  for (i in 1:4) theta <- theta - solve(hessian(d, theta), grad(d, theta))
  call <- substitute(lmer(f, data = D, start = theta, control = lmerControl(optimizer = NULL)), list(f = formula))
  list(theta = unname(theta), fit = function(D) eval(call, list(D = D, theta = theta)))
}
tests <- function(m, L, rhs) {
  L <- matrix(L, nrow = length(rhs), byrow = TRUE)
  kr <- contestMD(m, L, rhs = rhs, ddf = "Kenward-Roger"); sw <- contestMD(m, L, rhs = rhs)
  scaling <- KRmodcomp(m, L, betaH = drop(MASS::ginv(L) %*% rhs))$test["Ftest", "F.scaling"]
  one <- function(x) list(statistic = x[["F value"]], df = x[["NumDF"]], df_denominator = x[["DenDF"]], p_value = x[["Pr(>F)"]])
  list(L = L, rhs = rhs, kenward_roger = c(one(kr), scaling = scaling), satterthwaite = one(sw))
}
rows <- function(m, L) {
  sw <- contest(m, L, joint = FALSE, confint = TRUE)
  list(L = L, satterthwaite = list(estimate = sw$Estimate, se = sw[["Std. Error"]], df = sw$df, lower = sw$lower, upper = sw$upper,
                                   p_value = sw[["Pr(>|t|)"]]))
}
out <- list(pbkrtest = as.character(packageVersion("pbkrtest")), lmerTest = as.character(packageVersion("lmerTest")))

D <- ratings
p <- polished(y ~ treatment + x + (1 + x | judge) + (1 | item), D); m <- p$fit(D)
out$ratings <- list(
  theta = p$theta, vcov_adjusted = as.matrix(vcovAdj(m)), names = names(fixef(m)),
  rows = rows(m, rbind(c(1, 0, 0, 0), c(0, 1, -1, 0), c(0, 0.5, 0.5, 2))),
  joint = list(tests(m, c(0, 1, 0, 0,  0, 0, 1, 0), c(0, 0)),
               tests(m, c(0, 1, 0, 0,  0, 0, 1, 0,  0, 0, 0, 1), c(0, 0, 0)),
               tests(m, c(0, 1, -1, 0,  0, 0, 0, 1), c(0.25, 0.5)),
               tests(m, c(0, 0, 0, 1), 0)))
D <- cake
contrasts(D$temperature) <- contr.treatment(6)
p <- polished(angle ~ recipe * temperature + (1 | recipe:replicate), D); m <- p$fit(D)
I <- diag(18)
out$cake <- list(theta = p$theta, joint = list(tests(m, t(I[9:18, ]), rep(0, 10)), tests(m, t(I[2:3, ]), c(0, 0)),
                                               tests(m, t(I[2:8, ]), rep(0, 7))))
D <- sleepstudy
p <- polished(Reaction ~ Days + (Days | Subject), D); m <- p$fit(D)
out$sleepstudy <- list(theta = p$theta, joint = list(tests(m, c(1, 0, 0, 1), c(250, 10)), tests(m, c(1, 0, 0, 1), c(0, 0))))
write(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = TRUE), file.path(here, "reference.json"))
