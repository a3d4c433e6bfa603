# Marginal means by emmeans: Rscript tests/emmeans/make_reference.R writes weeks.csv and reference.json.
# Linear models are polished by Newton steps; generalized ones are fitted with PIRLS and optimizer to rounding.
suppressMessages({library(lmerTest); library(pbkrtest); library(emmeans); library(splines); library(jsonlite); library(numDeriv)
                  library(multcomp)})
here <- "tests/emmeans"
emm_options(lmer.df = "satterthwaite", msg.interaction = FALSE, msg.nesting = FALSE)

set.seed(20261126)
n <- 220
d <- data.frame(g = sprintf("s%02d", sample(24, n, TRUE)), trt = sample(c("ctl", "hi", "lo"), n, TRUE, c(.5, .2, .3)),
                week = sample(c("w1", "w2", "w3", "w4"), n, TRUE, c(.4, .3, .2, .1)), dose = sample(c(1, 2, 4, 7), n, TRUE),
                z = sample(0:1, n, TRUE, c(.7, .3)), x = round(runif(n, 1, 9), 2), time = round(runif(n, .5, 6), 2))
u <- rnorm(24, 0, .6); names(u) <- sprintf("s%02d", 1:24)
mu <- .3 * (d$trt == "hi") - .4 * (d$trt == "lo") + .2 * as.integer(factor(d$week)) + .15 * d$x - .01 * d$x^2 +
  .3 * (d$trt == "hi") * (d$week == "w3") + .25 * d$z + u[d$g]
d$y <- round(mu + rnorm(n, 0, .7), 4)
d$size <- round(exp(.4 * mu + rnorm(n, 0, .3)), 4)
d$count <- rpois(n, d$time * exp(.6 * mu - .5))
d$holes <- ifelse(d$trt == "hi" & d$week == "w4", "w1", d$week)
write.csv(d, file.path(here, "weeks.csv"), row.names = FALSE)
d <- read.csv(file.path(here, "weeks.csv"), stringsAsFactors = TRUE)
data(cake, package = "lme4"); data(cbpp, package = "lme4"); data(sleepstudy, package = "lme4")
cake$temperature <- factor(as.character(cake$temperature))

polished <- function(formula, data) {
  first <- lme4::lmer(formula, data)
  f <- lme4::lmer(formula, data, devFunOnly = TRUE)
  theta <- lme4::getME(first, "theta")
  for (i in 1:4) theta <- theta - solve(hessian(f, theta), grad(f, theta))
  eval(substitute(lmer(F, data = D, start = T, control = lmerControl(optimizer = NULL)), list(F = formula, D = substitute(data), T = theta)),
       parent.frame())
}
tight <- lme4::glmerControl(optimizer = "bobyqa", tolPwrss = 1e-13, optCtrl = list(rhoend = 1e-9, maxfun = 1e5))
table_of <- function(e, ...) {
  s <- as.data.frame(summary(e, infer = TRUE, ...))
  names(s) <- sub("^(asymp\\.LCL|lower\\.CL)$", "lower", sub("^(asymp\\.UCL|upper\\.CL)$", "upper", names(s)))
  names(s)[names(s) %in% c("emmean", "prob", "rate", "response", "ratio", "odds.ratio", "x.trend", "Days.trend")] <- "estimate"
  names(s)[names(s) == "SE"] <- "se"; names(s)[names(s) %in% c("t.ratio", "z.ratio")] <- "statistic"; names(s)[names(s) == "p.value"] <- "p_value"
  s <- lapply(s, function(col) if (is.factor(col)) as.character(col) else col)
  s$null <- NULL
  s
}
cld_of <- function(e) {  # by multcomp's letters, means in ascending order
  order <- order(summary(e)$emmean); levels <- as.character(as.data.frame(e)[order, 1]); p <- as.data.frame(pairs(e))
  differ <- setNames(p$p.value < .05, gsub(" - ", "-", gsub("temperature", "", p$contrast)))
  made <- multcomp:::insert_absorb(differ, lvl_order = levels)
  list(levels = levels, letters = unname(made$monospacedLetters[levels]))
}
tests_of <- function(j) { j <- as.data.frame(j); list(term = trimws(as.character(j[["model term"]])), df1 = j$df1, df2 = j$df2, statistic = j$F.ratio) }
out <- list(emmeans = as.character(packageVersion("emmeans")), lme4 = as.character(packageVersion("lme4")))

m <- polished(y ~ trt * week + x + z + (1 | g), d)
out$weeks <- list(
  trt = table_of(emmeans(m, "trt")), both = table_of(emmeans(m, c("trt", "week"))), by = table_of(emmeans(m, "trt", by = "week")),
  kr = table_of(emmeans(m, "trt", mode = "kenward-roger")), at = table_of(emmeans(m, "trt", at = list(x = c(2, 5), week = c("w1", "w3"), z = 0))),
  overall = table_of(emmeans(m, ~ 1)), slope = table_of(emtrends(m, "trt", var = "x")),
  sidak = table_of(emmeans(m, "trt"), adjust = "sidak"))
for (w in c("proportional", "outer", "cells")) out$weeks$weights[[w]] <- table_of(emmeans(m, "trt", weights = w))
out$weeks$at_weights <- table_of(emmeans(m, "trt", at = list(x = 2, week = c("w3", "w1"), z = 1), weights = "proportional"))
e <- emmeans(m, "week")
for (f in c("pairwise", "trt.vs.ctrl", "poly", "eff", "del.eff")) out$weeks$family[[f]] <- table_of(contrast(e, f))
out$weeks$control <- table_of(contrast(e, "trt.vs.ctrl", ref = 3))
for (a in c("none", "tukey", "sidak", "bonferroni", "holm", "hochberg", "fdr", "BY", "scheffe"))
  out$weeks$adjust[[a]] <- table_of(contrast(e, "pairwise"), adjust = a)
out$weeks$pairs_by <- table_of(pairs(emmeans(m, "trt", by = "week")))
out$weeks$sidak_for_tukey <- table_of(contrast(e, "consec"), adjust = "sidak")
out$weeks$custom <- table_of(contrast(e, list(early = c(.5, .5, -1, 0), last = c(0, 0, -1, 1))))
out$weeks$joint <- tests_of(joint_tests(m, showconf = FALSE)); out$weeks$joint_by <- tests_of(joint_tests(m, by = "week", showconf = FALSE))

out$weeks$reversed <- table_of(contrast(e, "revpairwise"))
e <- emmeans(m, c("trt", "week"))
out$weeks$interaction <- list(one = table_of(contrast(e, interaction = "pairwise")), two = table_of(contrast(e, interaction = c("consec", "poly"))),
                              by = table_of(contrast(emmeans(m, c("trt", "week"), by = "z"), interaction = "pairwise", adjust = "holm")))

m <- polished(y ~ trt * poly(x, 2) + ns(time, 3) + (1 | g), d)
out$curves <- list(means = table_of(emmeans(m, "trt", at = list(x = 3))), slopes = table_of(emtrends(m, "trt", var = "x", delta.var = 1e-4)),
                   pairs = table_of(pairs(emtrends(m, "trt", var = "x", at = list(x = 7), delta.var = 1e-4))),
                   time = table_of(emtrends(m, ~ time, var = "time", at = list(time = c(1, 2.5, 5)), delta.var = 1e-4)))
names(out$curves$time)[names(out$curves$time) == "time.trend"] <- "estimate"

m <- polished(y ~ factor(dose) + log(x) + (1 | g), d)
out$dose <- list(means = table_of(emmeans(m, "dose")), poly = table_of(contrast(emmeans(m, "dose"), "poly")),
                 pairs = table_of(pairs(emmeans(m, "dose", at = list(dose = c(1, 4))))))

m <- polished(log(size) ~ trt + x + (1 | g), d)
out$logged <- list(link = table_of(emmeans(m, "trt")), response = table_of(emmeans(m, "trt", type = "response")),
                   ratios = table_of(pairs(emmeans(m, "trt", type = "response"))),
                   effects = table_of(contrast(emmeans(m, "trt"), "eff")))
m <- polished(sqrt(size) ~ trt + x + (1 | g), d)
out$roots <- list(response = table_of(emmeans(m, "trt", type = "response")), pairs = table_of(pairs(emmeans(m, "trt", type = "response"))))
m <- polished(log(size + 1) ~ trt + x + (1 | g), d)
out$shifted <- list(response = table_of(emmeans(m, "trt", type = "response")))

m <- suppressMessages(polished(y ~ trt * holes + (1 | g), d))
out$holes <- list(trt = table_of(emmeans(m, "trt")), by = table_of(emmeans(m, "trt", by = "holes")),
                  cells = table_of(emmeans(m, "trt", weights = "cells")), pairs = table_of(pairs(emmeans(m, "holes"))),
                  joint = tests_of(joint_tests(m, showconf = FALSE)))

m <- suppressMessages(polished(y ~ trt + holes + (1 | g), d))
out$additive <- list(cells = table_of(emmeans(m, c("trt", "holes"), weights = "cells")))
m <- polished(log(size) ~ trt * factor(z) + x + (1 | g), d)
out$logged$interaction <- table_of(contrast(emmeans(m, c("trt", "z"), type = "response"), interaction = "pairwise"))

m <- polished(angle ~ recipe * temperature + (1 | recipe:replicate), cake)
e <- emmeans(m, "temperature")
out$cake <- list(recipe = table_of(emmeans(m, "recipe", mode = "kenward-roger")), letters = cld_of(e), consec = table_of(contrast(e, "consec", adjust = "none")),
                 joint = tests_of(joint_tests(m, showconf = FALSE)))
C <- cov2cor(vcov(contrast(e, "consec"))); q <- abs(out$cake$consec$statistic)
set.seed(1)
out$cake$mvt <- list(p_value = sapply(q, function(c) 1 - mvtnorm::pmvt(-rep(c, 5), rep(c, 5), df = 210, corr = C, abseps = 1e-7, maxpts = 5e6)),
                     quantile = mvtnorm::qmvt(.95, tail = "both.tails", df = 210, corr = C, abseps = 1e-6, maxpts = 5e5)$quantile)

g <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, control = tight)
out$cbpp <- list(link = table_of(emmeans(g, "period")), response = table_of(emmeans(g, "period", type = "response")),
                 odds = table_of(pairs(emmeans(g, "period", type = "response"))), control = table_of(contrast(emmeans(g, "period"), "trt.vs.ctrl")),
                 joint = tests_of(joint_tests(g, showconf = FALSE)))
g <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial("probit"), nAGQ = 25, control = tight)
out$probit <- list(response = table_of(emmeans(g, "period", type = "response")), pairs = table_of(pairs(emmeans(g, "period", type = "response"))))
g <- glmer(count ~ trt * x + offset(log(time)) + (1 | g), d, poisson, control = tight)
out$counts <- list(link = table_of(emmeans(g, "trt")), response = table_of(emmeans(g, "trt", at = list(x = 2), type = "response")),
                   unit = table_of(emmeans(g, "trt", offset = 0, type = "response")), ratios = table_of(pairs(emmeans(g, "trt", type = "response"))))
L <- rbind(c(0, 0, 0, 1, 0, 0), c(0, 0, 0, 1, 1, 0), c(0, 0, 0, 1, 0, 1))  # emtrends stops at the offset
out$counts$slopes <- list(estimate = drop(L %*% fixef(g)), se = sqrt(diag(L %*% as.matrix(vcov(g)) %*% t(L))))
write(toJSON(out, digits = 12, auto_unbox = FALSE, pretty = FALSE, na = "null"), file.path(here, "reference.json"))
