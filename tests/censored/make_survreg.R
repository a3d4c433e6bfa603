# Makes survreg.json: fits of R's survival without random effects to the kidney data, censored in several ways, and the
# Kaplan-Meier estimate of the times of censoring (events come before censoring at the same time). Run by hand in this folder; the project needs no R.
suppressMessages(library(survival))
d <- kidney
d$sex <- as.numeric(d$sex == 1)
d$lower <- ifelse(d$time > 100, 50, d$time)
d$upper <- ifelse(d$status == 0, Inf, ifelse(d$time > 100, 200, d$time))
d$centred <- log(d$time) - 4
responses <- list(
  right = "Surv(time, status)", left = "Surv(time, status, type = 'left')", interval = "Surv(lower, upper, type = 'interval2')"
)
fits <- list()
for (dist in c("weibull", "exponential", "lognormal")) for (kind in names(responses)) {
  f <- survreg(as.formula(paste(responses[[kind]], "~ age + sex")), d, dist = dist, control = list(rel.tolerance = 1e-14, maxiter = 100))
  fits[[paste(dist, kind)]] <- list(family = dist, kind = kind, coef = unname(coef(f)), scale = f$scale, loglik = f$loglik[2])
}
f <- survreg(Surv(pmax(centred, 0), centred > 0, type = "left") ~ age + sex, d, dist = "gaussian", control = list(rel.tolerance = 1e-14, maxiter = 100))
fits[["tobit"]] <- list(family = "tobit", kind = "limit", coef = unname(coef(f)), scale = f$scale, loglik = f$loglik[2])
km <- summary(survfit(Surv(time - 0.25 * status, 1 - status) ~ 1, d))
number <- function(x) paste0("[", paste(sprintf("%.16g", x), collapse = ", "), "]")
one <- function(f) sprintf('{"family": "%s", "kind": "%s", "coef": %s, "scale": %.16g, "loglik": %.16g}', f$family, f$kind, number(f$coef), f$scale, f$loglik)
cat(sprintf('{"versions": "R %s, survival %s",\n"fits": [\n%s\n],\n"km": {"time": %s, "after": %s}}\n', getRversion(), packageVersion("survival"),
  paste(sapply(fits, one), collapse = ",\n"), number(km$time), number(km$surv)), file = "survreg.json")
