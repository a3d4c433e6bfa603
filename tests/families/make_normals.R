# Makes normals.json: mixed models of skew-normal and truncated normal responses by TMB, the engine of glmmTMB.
# Run by hand: Rscript make_normals.R (R 4.2.2, TMB 1.9.2, numDeriv 2016.8.1.1; a minute, most of it the compiler's).
# The skew-normal density is the one of glmmTMB's `skewnormal` (mean, standard deviation, shape alpha), which its
# version 1.1.5 does not have; it has no truncated normal responses. Laplace's approximation and all derivatives are
# TMB's. Every fit is polished by Newton steps; the size of the last one is recorded.
library(TMB)
library(jsonlite)

code <- '
#include <TMB.hpp>
template<class Type>
Type objective_function<Type>::operator() () {
  DATA_VECTOR(y); DATA_MATRIX(X); DATA_IVECTOR(g);
  DATA_INTEGER(kind); DATA_INTEGER(loglink); DATA_SCALAR(lower); DATA_SCALAR(upper);
  PARAMETER_VECTOR(beta); PARAMETER(logsd); PARAMETER(logsigma); PARAMETER(alpha); PARAMETER_VECTOR(u);
  Type sigma = exp(logsigma), nll = -sum(dnorm(u, Type(0), Type(1), true));
  vector<Type> eta = X * beta;
  for (int i = 0; i < y.size(); i++) {
    Type e = eta(i) + exp(logsd) * u(g(i));
    Type mu = loglink ? exp(e) : e;
    if (kind == 0) {
      Type delta = alpha / sqrt(1 + alpha * alpha);
      Type omega = sigma / sqrt(1 - 2 / M_PI * delta * delta);
      Type x = (y(i) - mu) / omega + delta * sqrt(2 / M_PI);
      nll -= log(Type(2)) + dnorm(x, Type(0), Type(1), true) - log(omega) + log(pnorm(alpha * x));
    } else {
      Type above = kind == 2 ? pnorm((upper - mu) / sigma) : Type(1);
      nll -= dnorm(y(i), mu, sigma, true) - log(above - pnorm((lower - mu) / sigma));
    }
  }
  return nll;
}'
dir <- tempfile()
dir.create(dir)
setwd_back <- setwd(dir)
writeLines(code, "normals.cpp")
compile("normals.cpp", flags = "-O1")
dyn.load(dynlib("normals"))
setwd(setwd_back)

set.seed(20261127)
n <- 150
d <- data.frame(g = rep(1:15, each = 10), x = round(rnorm(n), 2))
b <- rnorm(15, 0, 0.8)[d$g]
skewed <- function(mean, sd, alpha) {
  delta <- alpha / sqrt(1 + alpha^2)
  omega <- sd / sqrt(1 - 2 / pi * delta^2)
  mean + omega * (delta * (abs(rnorm(n)) - sqrt(2 / pi)) + sqrt(1 - delta^2) * rnorm(n))
}
truncated <- function(mean, sd, lower, upper) {
  a <- pnorm((lower - mean) / sd)
  qnorm(a + runif(n) * (pnorm((upper - mean) / sd) - a)) * sd + mean
}
mean <- 1 + 0.5 * d$x + b
d$right <- round(skewed(mean, 1.2, 6), 3)
d$left <- round(skewed(mean, 1.2, -2.5), 3)
d$positive <- pmax(round(truncated(mean, 1.2, 0, Inf), 3), 0.001)
d$inside <- pmin(pmax(round(truncated(mean, 1.2, 0, 3), 3), 0.001), 2.999)
d$growing <- round(skewed(exp(0.5 * mean), 0.7, 3), 3)

fitted <- function(name, response, kind, alpha, upper = 0, link = 0) {
  y <- d[[response]]
  data <- list(y = y, X = cbind(1, d$x), g = d$g - 1L, kind = kind, loglink = link, lower = 0, upper = upper)
  start <- list(beta = c(if (link) log(mean(y)) else mean(y), 0.3), logsd = -0.5, logsigma = log(sd(y)), alpha = alpha,
                u = rep(0, 15))
  map <- if (kind == 0) list() else list(alpha = factor(NA))
  m <- MakeADFun(data, start, random = "u", map = map, DLL = "normals", silent = TRUE)
  m$env$inner.control$tol10 <- 0
  par <- nlminb(m$par, m$fn, m$gr, control = list(iter.max = 1000, eval.max = 2000))$par
  for (i in 1:4) {
    H <- numDeriv::jacobian(function(p) as.vector(m$gr(p)), par, method = "simple")
    step <- solve((H + t(H)) / 2, as.vector(m$gr(par)))
    if (i < 4) par <- par - step
  }
  se <- sqrt(diag(solve((H + t(H)) / 2)))
  list(name = name, response = response, logLik = -m$fn(par), newton_step = max(abs(step) / se),
       beta = unname(par[1:2]), beta_se = unname(se[1:2]), sd = exp(par[["logsd"]]), sigma = exp(par[["logsigma"]]),
       alpha = if (kind == 0) par[["alpha"]] else NULL, alpha_se = if (kind == 0) se[length(se)] else NULL)
}
fits <- list(
  fitted("SkewNormal()", "right", 0, 2),
  fitted("SkewNormal()", "left", 0, -2),
  fitted("SkewNormal(link='log')", "growing", 0, 2, link = 1),
  fitted("TruncatedGaussian()", "positive", 1, 0),
  fitted("TruncatedGaussian(lower=0.0, upper=3.0)", "inside", 2, 0, upper = 3)
)
write(toJSON(list(data = as.list(d), fits = fits), digits = NA, auto_unbox = TRUE, null = "null"), "normals.json")
