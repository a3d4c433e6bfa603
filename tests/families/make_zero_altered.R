# Makes zero_altered.json: mixed models with zero inflation and hurdles, and families of counts, by glmmTMB.
# Run by hand: Rscript make_zero_altered.R (R 4.2.2, glmmTMB 1.1.5, numDeriv 2016.8.1.1).
# Salamanders are those of glmmTMB, datasets/salamanders.csv here (the columns that the models have); all else is
# simulated. Every fit is polished by Newton steps on the program's own likelihood; the last one is recorded.
library(glmmTMB)
library(jsonlite)
sal <- data.frame(site = as.character(Salamanders$site), mined = as.character(Salamanders$mined),
                  cover = Salamanders$cover, DOP = Salamanders$DOP, Wtemp = Salamanders$Wtemp,
                  species = as.character(Salamanders$spp), count = Salamanders$count)
write.csv(sal, "../../framework/datasets/salamanders.csv", row.names = FALSE, quote = FALSE)
sal$mined <- as.numeric(sal$mined == "no")
set.seed(20261126)
n <- 300
d <- data.frame(g = rep(1:25, each = 12), x = round(rnorm(n), 3), trials = rep(c(3, 5, 8, 12, 20), 60))
b <- rnorm(25, 0, 0.5)[d$g]
zero <- rbinom(n, 1, 0.3)
p <- plogis(0.2 + 0.6 * d$x + b)
d$binomial <- (1 - zero) * rbinom(n, d$trials, p)
d$betabinomial <- (1 - zero) * rbinom(n, d$trials, rbeta(n, 5 * p, 5 * (1 - p)))
d$gamma <- round((1 - zero) * rgamma(n, 3, 3 / exp(0.5 + 0.6 * d$x + b)), 4)
d$beta <- round((1 - zero) * pmin(pmax(rbeta(n, 6 * p, 6 * (1 - p)), 0.005), 0.995), 4)
d$lognormal <- round(exp(0.5 + 0.6 * d$x + b + rnorm(n, -0.245, 0.7)), 4)

newton <- function(par, gradient) {  # to the optimum, and the Hessian there
  for (i in 1:6) {
    H <- numDeriv::jacobian(gradient, par)
    H <- (H + t(H)) / 2
    step <- solve(H, gradient(par))
    if (i < 6) par <- par - step
  }
  list(par = par, H = H, step = max(abs(step) * sqrt(diag(H))))
}

tmb <- function(name, formula, data, family, zi = ~1) {
  m <- glmmTMB(formula, data, family = family, ziformula = zi)
  fit <- newton(m$fit$par, function(par) as.vector(m$obj$gr(par)))
  se <- sqrt(diag(solve(fit$H)))
  at <- names(m$fit$par)
  pick <- function(v, what) unname(v[at == what])
  out <- list(name = name, logLik = -as.numeric(m$obj$fn(fit$par)))
  for (what in c("beta", "theta", "betad", "betazi", "psi")) {
    out[[what]] <- I(pick(fit$par, what))
    out[[paste0(what, "_se")]] <- I(pick(se, what))
  }
  out$overall <- unname(predict(m, type = "response")[1:5])
  out$conditional <- unname(predict(m, type = "conditional")[1:5])
  out$zprob <- unname(predict(m, type = "zprob")[1:5])
  out$newton_step <- fit$step
  out
}

s <- count ~ mined + cover + (1 | site)
fits <- list(
  tmb("zero_inflated_poisson", s, sal, poisson),
  tmb("zero_inflated_negative_binomial", s, sal, nbinom2),
  tmb("zero_inflated_negative_binomial1", s, sal, nbinom1),
  tmb("hurdle_poisson", s, sal, truncated_poisson),
  tmb("zero_inflated_binomial", cbind(binomial, trials - binomial) ~ x + (1 | g), d, binomial),
  tmb("zero_inflated_beta_binomial", cbind(betabinomial, trials - betabinomial) ~ x + (1 | g), d, betabinomial),
  tmb("hurdle_gamma", gamma ~ x + (1 | g), d, ziGamma("log")),
  tmb("hurdle_beta", beta ~ x + (1 | g), d, beta_family()),
  tmb("generalized_poisson", s, sal, genpois, ~0),
  tmb("zero_inflated_generalized_poisson", s, sal, genpois)
)
sal$seen <- ifelse(sal$count > 0, sal$count, NA)
fits <- c(fits, list(
  tmb("hurdle_negative_binomial", count ~ cover + DOP + (1 | species), sal, truncated_nbinom2),
  tmb("hurdle_negative_binomial1", count ~ cover + DOP + (1 | species), sal, truncated_nbinom1)
))
m <- lme4::lmer(log(lognormal) ~ x + (1 | g), d, REML = FALSE, control = lme4::lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14)))
lognormal <- list(name = "lognormal", logLik = as.numeric(logLik(m)) - sum(log(d$lognormal)), beta = unname(lme4::fixef(m)),
                  sd = attr(lme4::VarCorr(m)$g, "stddev")[[1]], sigma = sigma(m))
write(toJSON(list(data = as.list(d), fits = fits, lognormal = lognormal), digits = NA, auto_unbox = TRUE), "zero_altered.json")
for (f in fits) cat(f$name, f$newton_step, f$logLik, f$beta, exp(f$theta), f$betad, plogis(f$betazi), "\n")
