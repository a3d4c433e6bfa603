# Makes fits.json: mixed models of glmmTMB and lme4 for families that tests/reference has none of, on simulated data.
# Run by hand: Rscript make_fits.R (R 4.2.2, glmmTMB 1.1.5, lme4 1.1.31, numDeriv 2016.8.1.1).
# Every fit is polished by Newton steps on the program's own likelihood; the last step, in standard errors, is recorded.
library(glmmTMB)
library(lme4)
library(jsonlite)
set.seed(20240607)
n <- 240
d <- data.frame(g = factor(rep(1:20, each = 12)), h = factor(rep(1:6, 40)), x = round(rnorm(n), 3),
                trials = rep(c(3, 7, 12, 20), 60), w = rep(1:3, 80), off = round(runif(n, -0.5, 0.5), 3))
b <- rnorm(20, 0, 0.5)[d$g]
slope <- rnorm(20, 0, 0.3)[d$g]
crossed <- rnorm(6, 0, 0.4)[d$h]
eta <- 0.8 + 0.5 * d$x + b
mu <- exp(eta)
p <- plogis(0.3 + 0.7 * d$x + b)
pc <- plogis(0.3 + 0.7 * d$x + b + crossed)
above0 <- function(draw) { y <- draw(); while (any(y == 0)) y[y == 0] <- draw()[y == 0]; y }
mus <- exp(eta + slope * d$x)
positive <- function(m) pmax(m, 0.3)
d$nbinom1 <- rnbinom(n, mu = mus, size = mus / 0.9)
d$nbinom2 <- rnbinom(n, mu = mu * exp(d$off), size = 2)
d$beta <- round(pmin(pmax(rbeta(n, 6 * pc, 6 * (1 - pc)), 0.005), 0.995), 4)
q <- rbeta(n, 5 * p, 5 * (1 - p))
d$betabinomial <- rbinom(n, d$trials, q)
d$t <- round(eta + 0.4 * rt(n, 4), 4)
d$tweedie <- round(sapply(rpois(n, mu), function(k) if (k) sum(rgamma(k, 2, 2)) else 0), 4)
d$truncated_poisson <- above0(function() rpois(n, mu))
d$truncated_nbinom2 <- above0(function() rnbinom(n, mu = mu, size = 2))
d$poisson_sqrt <- rpois(n, (2 + 0.3 * d$x + 0.5 * b)^2)
d$poisson_identity <- rpois(n, positive(5 + 0.8 * d$x + 2 * b))
d$poisson_weights <- rpois(n, mu)
d$gamma_inverse <- round(rgamma(n, shape = 4, scale = 1 / positive(1.2 + 0.2 * d$x + 0.4 * b) / 4), 4)
d$gaussian_log <- round(mu + 0.5 * rnorm(n), 4)
d$cauchit <- rbinom(n, d$trials, pcauchy(0.2 + 0.5 * d$x + b))

d$decades <- round(runif(n, -8, 8), 3)
d$big <- rpois(n, exp(11 + 0.5 * d$x + b))
d$over_decades <- rpois(n, exp(d$decades + 0.5 * d$x + b))
# Like the toenail data of De Backer et al. (1998): few changes within a person, and a standard deviation near 4.
toe <- data.frame(id = factor(rep(1:150, each = 7)), month = rep(c(0, 1, 2, 3, 6, 9, 12), 150))
toe$treated <- as.numeric(toe$id) %% 2
toe_eta <- -1.6 - 0.39 * toe$month - 0.14 * toe$treated * toe$month + rnorm(150, 0, 4)[toe$id]
toe$y <- rbinom(nrow(toe), 1, plogis(toe_eta))

newton <- function(par, gradient) {  # to the optimum, and the Hessian there
  for (i in 1:6) {
    H <- numDeriv::jacobian(gradient, par)
    H <- (H + t(H)) / 2
    step <- solve(H, gradient(par))
    if (i < 6) par <- par - step
  }
  list(par = par, H = H, step = max(abs(step) * sqrt(diag(H))))
}

tmb <- function(name, response, random, family, fixed = list(), weights = NULL, offset = NULL,
                beta = c(0, 0)) {
  formula <- as.formula(paste(response, "~ x +", paste(random, collapse = " + ")))
  d$weights_ <- if (is.null(weights)) rep(1, n) else d[[weights]]
  d$offset_ <- if (is.null(offset)) rep(0, n) else d[[offset]]
  m <- glmmTMB(formula, d, family = family, weights = weights_, offset = offset_, 
               start = c(fixed, list(beta = beta)), map = lapply(fixed, function(v) factor(NA)))
  fit <- newton(m$fit$par, function(par) as.vector(m$obj$gr(par)))
  se <- sqrt(diag(solve(fit$H)))
  at <- names(m$fit$par)
  pick <- function(v, what) unname(v[at == what])
  list(name = name, program = "glmmTMB", family = family$family, link = family$link, response = response,
       random = random, weights = weights, offset = offset, fixed = names(fixed),
       logLik = -as.numeric(m$obj$fn(fit$par)),
       fixef = pick(fit$par, "beta"), se = pick(se, "beta"), log_sd = pick(fit$par, "theta"),
       log_sd_se = pick(se, "theta"), betad = pick(fit$par, "betad"), betad_se = pick(se, "betad"),
       psi = pick(fit$par, "psi"), psi_se = pick(se, "psi"), newton_step = fit$step)
}

merMod <- function(name, formula, family, data = d, nAGQ = 1, ...) {  # with expected weights, PIRLS to rounding
  m <- glmer(formula, data, family = family, nAGQ = nAGQ, control = glmerControl(tolPwrss = 1e-13))
  f <- update(m, devFunOnly = TRUE)
  half <- function(par) { for (k in 1:5) v <- f(par); v / 2 }
  fit <- newton(c(getME(m, "theta"), fixef(m)), function(par) numDeriv::grad(half, par))
  se <- sqrt(diag(solve(fit$H)))
  list(name = name, program = "lme4", family = "binomial", link = family$link, random = "(1 | g)", nAGQ = nAGQ,
       fixed = character(0), logLik = -half(fit$par), fixef = unname(fit$par[-1]), se = unname(se[-1]),
       log_sd = log(unname(fit$par[1])), log_sd_se = unname(se[1] / fit$par[1]), newton_step = fit$step, ...)
}

one <- "(1 | g)"
trials <- function(y) paste0("cbind(", y, ", trials - ", y, ")")
fits <- list(
  tmb("nbinom1", "nbinom1", one, nbinom1()),
  tmb("nbinom1_slope", "nbinom1", "(1 + x | g)", nbinom1()),
  tmb("nbinom2_offset", "nbinom2", one, nbinom2(), offset = "off"),
  tmb("nbinom2_given", "nbinom2", one, nbinom2(), fixed = list(betad = log(2)), offset = "off"),
  tmb("nbinom2_sqrt", "nbinom2", one, nbinom2("sqrt"), beta = c(1.5, 0)),
  tmb("beta", "beta", one, beta_family()),
  tmb("beta_crossed", "beta", c(one, "(1 | h)"), beta_family()),
  tmb("beta_probit", "beta", one, beta_family("probit")),
  tmb("betabinomial", trials("betabinomial"), one, betabinomial()),
  tmb("betabinomial_cloglog", trials("betabinomial"), one, betabinomial("cloglog")),
  tmb("t", "t", one, t_family()),
  tmb("t_given", "t", one, t_family(), fixed = list(psi = log(4))),
  tmb("tweedie", "tweedie", one, tweedie()),
  tmb("tweedie_given", "tweedie", one, tweedie(), fixed = list(psi = qlogis(0.4))),
  tmb("truncated_poisson", "truncated_poisson", one, truncated_poisson()),
  tmb("truncated_nbinom2", "truncated_nbinom2", one, truncated_nbinom2()),
  tmb("poisson_sqrt", "poisson_sqrt", one, poisson("sqrt"), beta = c(2, 0)),
  tmb("poisson_identity", "poisson_identity", one, poisson("identity"), beta = c(5, 0)),
  tmb("poisson_weights", "poisson_weights", one, poisson(), weights = "w"),
  tmb("gamma_inverse", "gamma_inverse", one, Gamma("inverse"), beta = c(1, 0)),
  tmb("gamma_weights", "gamma_inverse", one, Gamma("log"), weights = "w"),
  tmb("gaussian_log", "gaussian_log", one, gaussian("log")),
  tmb("gaussian", "t", one, gaussian()),
  tmb("poisson_big", "big", one, poisson()),
  tmb("poisson_decades", "over_decades", one, poisson(), offset = "decades"),
  merMod("cauchit", cbind(cauchit, trials - cauchit) ~ x + (1 | g), binomial("cauchit"), response = "cauchit")
)
changes <- y ~ month + treated:month + (1 | id)
toenail <- list(merMod("laplace", changes, binomial(), toe), merMod("quadrature", changes, binomial(), toe, nAGQ = 25))
record <- list(data = as.list(d), fits = fits, toenail = list(y = paste(toe$y, collapse = ""), fits = toenail))
write(toJSON(record, digits = NA, auto_unbox = TRUE, null = "null"), "fits.json")
for (f in c(fits, toenail)) {
  numbers <- signif(c(f$fixef, exp(f$log_sd), f$betad, f$psi), 4)
  cat(sprintf("%-22s %14.8f %9.1e  %s\n", f$name, f$logLik, f$newton_step, paste(numbers, collapse = " ")))
}
