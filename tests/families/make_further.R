# Makes further.json: mixed models of further families by glmmTMB.
# Run by hand: Rscript make_further.R (R 4.2.2, glmmTMB 1.1.5, numDeriv 2016.8.1.1; less than a minute).
# Every fit is polished by Newton steps on the program's own likelihood; the size of the last one is recorded.
library(glmmTMB)
library(jsonlite)
set.seed(20261127)
n <- 120
d <- data.frame(g = rep(1:12, each = 10), x = round(rnorm(n), 2))
b <- rnorm(12, 0, 0.3)[d$g]
d$count <- rbinom(n, 9, plogis(-0.9 + 0.25 * d$x + b))
eta <- 0.3 + 0.8 * d$x + 2 * b
share <- round(rbeta(n, 5 * plogis(eta), 5 * plogis(-eta)), 3)
u <- runif(n)
zero <- plogis(-1.5 - eta)
one <- plogis(eta - 2)
d$share <- ifelse(u < zero, 0, ifelse(u > 1 - one, 1, pmin(pmax(share, 0.001), 0.999)))

tmb <- function(name, formula, family, ...) {
  m <- glmmTMB(formula, d, family = family, ...)
  par <- m$fit$par
  gradient <- function(par) as.vector(m$obj$gr(par))
  for (i in 1:4) {
    H <- numDeriv::jacobian(gradient, par, method = "simple")
    H <- (H + t(H)) / 2
    step <- solve(H, gradient(par))
    if (i < 4) par <- par - step
  }
  se <- sqrt(diag(solve(H)))
  at <- names(par)
  out <- list(name = name, logLik = -as.numeric(m$obj$fn(par)), newton_step = max(abs(step) / se))
  for (what in c("beta", "theta", "betad", "psi", "thetaf")) {
    out[[what]] <- I(unname(par[at == what]))
    out[[paste0(what, "_se")]] <- I(unname(se[at == what]))
  }
  out
}

fits <- list(
  tmb("ordered_beta", share ~ x + (1 | g), ordbeta(), start = list(psi = c(-1, 1))),
  tmb("conway_maxwell_poisson", count ~ x + (1 | g), compois)
)
write(toJSON(list(data = as.list(d), fits = fits), digits = NA, auto_unbox = TRUE), "further.json")
