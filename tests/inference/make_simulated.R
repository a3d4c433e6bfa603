# Simulations by lme4's and lmerTest's refits: Rscript tests/inference/make_simulated.R writes simulated.json (minutes).
# exact_lrt: chances that the restricted, and the full, likelihood ratio of the ward's variance exceeds some values where
# there is none. power: how often Satterthwaite's t-test finds an effect between few groups of unlike sizes.
suppressMessages({library(lmerTest); library(jsonlite)})
here <- "tests/inference"
quiet <- lme4::lmerControl(check.conv.singular = "ignore", calc.derivs = FALSE)

wards <- read.csv(file.path(here, "wards.csv"), stringsAsFactors = TRUE)
null <- function(nsim, reml, at) {
  set.seed(20261127)
  X <- model.matrix(~ x, wards)
  model <- function(response) {
    wards$y <- response
    lme4::lmer(y ~ x + (1 | ward), wards, REML = reml, control = quiet)
  }
  large <- model(wards$y)
  # refit() of lme4 1.1-31 counts one column of X in fits by REML, whatever there are: these are fitted anew
  again <- if (reml) model else function(y) lme4::refit(large, y)
  statistics <- replicate(nsim, {
    y <- rnorm(nrow(wards))
    small <- lm.fit(X, y); class(small) <- "lm"
    max(0, 2 * as.numeric(logLik(again(y)) - logLik(small, REML = reml)))
  })
  list(nsim = nsim, at = at, exceeded = sapply(at, function(a) mean(statistics > a)))
}
at <- c(1e-4, 0.1, 0.5, 1, 2, 3, 5)
out <- list(lme4 = as.character(packageVersion("lme4")), lmerTest = as.character(packageVersion("lmerTest")),
            exact_lrt = list(reml = null(2000, TRUE, at), ml = null(10000, FALSE, at)))

sizes <- c(2, 3, 4, 5, 6, 8, 10, 12, 3, 4); g <- rep(seq_along(sizes), sizes); x <- (g %% 2)
power <- function(nsim, effect, sd, sigma) {
  set.seed(20261128)
  p <- replicate(nsim, {
    D <- data.frame(g = factor(g), x = x, y = effect * x + rnorm(length(sizes), sd = sd)[g] + rnorm(length(g), sd = sigma))
    c(summary(lmer(y ~ x + (1 | g), D, control = quiet))$coefficients["x", "Pr(>|t|)"],
      anova(lme4::lmer(y ~ x + (1 | g), D, REML = FALSE, control = quiet),
            lme4::lmer(y ~ 1 + (1 | g), D, REML = FALSE, control = quiet))[2, "Pr(>Chisq)"])
  })
  list(nsim = nsim, sizes = sizes, effect = effect, sd = sd, sigma = sigma, satterthwaite = mean(p[1, ] < 0.05),
       lrt = mean(p[2, ] < 0.05))
}
out$power <- power(4000, 2, 1, 1.5)
write(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = TRUE), file.path(here, "simulated.json"))
