# Models of dispersion parameters by glmmTMB 1.1.5, its optimizer restarted from where it ended until nothing moves.
# Run in this directory: Rscript make_parameter_models.R
suppressMessages({library(glmmTMB); library(jsonlite)})
data(Salamanders)
set.seed(20)
control <- glmmTMBControl(optCtrl = list(iter.max = 5000, eval.max = 5000, rel.tol = 1e-15, x.tol = 0))

polished <- function(...) {
  m <- suppressWarnings(glmmTMB(..., control = control))
  p <- m$fit$par
  for (i in 1:20) {  # Newton steps by the Hessian of glmmTMB's gradients
    H <- optimHess(p, m$obj$fn, m$obj$gr)
    step <- solve(H, as.vector(m$obj$gr(p)))
    p <- p - step
    if (max(abs(step)) < 1e-9) break
  }
  m$obj$fn(p)
  H <- optimHess(p, m$obj$fn, m$obj$gr, control = list(ndeps = rep(1e-4, length(p))))
  V <- solve(H)
  part <- function(name) {
    here <- names(p) == name
    list(estimate = unname(p[here]), se = unname(sqrt(diag(V)[here])))
  }
  list(logLik = -m$obj$fn(p), cond = part("beta"), disp = part("betad"), zi = part("betazi"),
       sd = unname(exp(p[names(p) == "theta"])), columns = list(
         cond = names(fixef(m)$cond), disp = names(fixef(m)$disp), zi = names(fixef(m)$zi)))
}

S <- Salamanders
S$mined <- factor(S$mined, levels = c("no", "yes"))
out <- list()
out$nbinom2 <- polished(count ~ mined + (1 | site), dispformula = ~ DOP + mined, family = nbinom2, data = S)
out$nbinom1 <- polished(count ~ mined + (1 | site), dispformula = ~ DOP, family = nbinom1, data = S)
out$zip <- polished(count ~ mined + DOP + (1 | site), ziformula = ~ cover, family = poisson, data = S)
out$zinb2 <- polished(count ~ mined + (1 | site), ziformula = ~ Wtemp, dispformula = ~ DOP, family = nbinom2, data = S)
out$hurdle <- polished(count ~ mined + (1 | site), ziformula = ~ mined + cover, family = truncated_poisson, data = S)

g <- rep(1:20, each = 10); x <- rep((1:10 - 5.5) / 3, 20); h <- rep(c(0, 1), 100)
b <- rnorm(20, 0, 0.4)
mu <- plogis(0.3 + 0.5 * x + b[g]); phi <- exp(1.5 + 0.8 * h)
y <- round(rbeta(200, mu * phi, (1 - mu) * phi), 6)
y <- pmin(pmax(y, 1e-6), 1 - 1e-6)
mg <- exp(0.5 + 0.3 * x + b[g]); v <- exp(-1 + 0.6 * x)
amount <- signif(rgamma(200, shape = 1 / v, scale = mg * v), 6)
D <- data.frame(y = y, amount = amount, g = factor(g), x = x, h = h)
out$data <- list(y = y, amount = amount, g = g, x = x, h = h)
out$beta <- polished(y ~ x + (1 | g), dispformula = ~ h, family = beta_family, data = D)
out$gamma <- polished(amount ~ x + (1 | g), dispformula = ~ x, family = Gamma(link = "log"), data = D)
out$version <- as.character(packageVersion("glmmTMB"))
writeLines(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = 1), "parameter_models.json")
