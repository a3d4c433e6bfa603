# Makes glmmtmb_reference.json: fits of glmmTMB without random effects, that is its densities at known parameters.
# Run by hand: Rscript make_glmmtmb_reference.R (glmmTMB 1.1.5, R 4.2.2).
library(glmmTMB)
library(jsonlite)
set.seed(20240501)
n <- 40
x <- round(seq(-1, 1, length.out = n), 3)
mu <- exp(0.8 + 0.7 * x)
p <- plogis(0.3 + 0.9 * x)
trials <- rep(c(3, 7, 12, 20), 10)
positive <- function(draw) repeat { y <- draw(); if (all(y > 0)) return(y) }
truncated <- function(draw) { y <- draw(); while (any(y == 0)) y[y == 0] <- draw()[y == 0]; y }
prob <- rbeta(n, 4 * p, 4 * (1 - p))
successes <- rbinom(n, trials, prob)
data <- list(
  nbinom2 = rnbinom(n, mu = mu, size = 1.5),
  nbinom1 = rnbinom(n, mu = mu, size = mu / 0.9),
  beta_family = round(pmin(pmax(rbeta(n, 5 * p, 5 * (1 - p)), 0.01), 0.99), 4),
  t_family = round(2 + 1.5 * x + 0.6 * rt(n, 4), 4),
  tweedie = round(sapply(rpois(n, mu), function(k) if (k) sum(rgamma(k, 2, 2)) else 0), 4),
  Gamma = round(rgamma(n, shape = 2, scale = mu / 2), 4),
  truncated_poisson = truncated(function() rpois(n, mu)),
  truncated_nbinom2 = truncated(function() rnbinom(n, mu = mu, size = 1.5))
)
one <- function(name, y, trials = NULL) {
  f <- switch(name, Gamma = Gamma("log"), get(name)())
  d <- data.frame(x = x)
  if (is.null(trials)) { d$y <- y; m <- glmmTMB(y ~ x, d, family = f) }
  else { d$s <- y; d$f <- trials - y; m <- glmmTMB(cbind(s, f) ~ x, d, family = f) }
  list(family = name, link = f$link, y = y, trials = trials, x = x, fixef = unname(fixef(m)$cond), sigma = sigma(m),
       family_params = unname(family_params(m)), logLik = as.numeric(logLik(m)))
}
fits <- c(lapply(names(data), function(k) one(k, data[[k]])), list(one("betabinomial", successes, trials)))
write(toJSON(fits, digits = NA, auto_unbox = TRUE, null = "null"), "glmmtmb_reference.json")
