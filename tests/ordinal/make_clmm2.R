# Makes clmm2.json: effects that differ between thresholds, by clmm2 of R's ordinal (`nominal`).
# Run by hand in this folder: Rscript make_clmm2.R (R 4.2.2, ordinal 2022.11.16, glmmTMB 1.1.5 for its Salamanders).
# clmm2 has one random intercept, and thresholds that are linear in the columns of `nominal`: with a factor these are
# all thresholds that its levels can have, as with logarithms of spacings. By default clmm2 finds modes to a gradient of
# 1e-4, which is worth 2e-5 of the log-likelihood of the wine data: here to 1e-10. `default` is the first as it is by
# default. Links cloglog and loglog are exchanged, as in clmm (see make_clmm.R): `link` is the one that was fitted.
# Its Hessian is by differences, which jump with so exact modes: `se` are of quadrature only.
library(ordinal)
library(jsonlite)
salamanders <- within(glmmTMB::Salamanders, {
  y <- cut(count, c(-1, 0, 1, 3, Inf), labels = 0:3, ordered_result = TRUE)
  mined <- relevel(mined, "no")
})
one <- function(data, location, nominal, random, link = "logistic", threshold = "flexible", nAGQ = 1,
                control = clmm2.control(grtol = 1e-8, gradTol = 1e-10, maxIter = 500)) {
  asked <- c(cloglog = "loglog", loglog = "cloglog")[link]
  arguments <- list(location = location, nominal = nominal, random = as.name(random), data = as.name(data), Hess = TRUE,
                    link = if (is.na(asked)) link else asked, threshold = threshold, nAGQ = nAGQ, control = control)
  m <- suppressWarnings(do.call(clmm2, arguments))
  list(data = data, location = deparse(location), nominal = deparse(nominal), random = random,
       link = if (link == "logistic") "logit" else link, threshold = threshold, nAGQ = nAGQ,
       logLik = as.numeric(logLik(m)), Theta = unname(m$Theta), beta = unname(m$beta), sd = unname(m$stDev),
       se = if (nAGQ > 1) unname(coef(summary(m))[, "Std. Error"]))
}
on_wine <- function(...) one("wine", rating ~ temp, ~contact, "judge", ...)
on_salamanders <- function(...) one("salamanders", y ~ DOP, ~mined, "site", ...)
fits <- list(on_wine(), on_wine(link = "probit"), on_wine(link = "cloglog"), on_wine(link = "loglog"),
             on_wine(threshold = "symmetric"), on_wine(threshold = "equidistant"),
             on_wine(nAGQ = 5), on_wine(nAGQ = 10), on_salamanders(), on_salamanders(nAGQ = 7),
             on_salamanders(link = "probit"), on_salamanders(threshold = "equidistant"))
default <- on_wine(control = clmm2.control())
write(toJSON(list(fits = fits, default = default), auto_unbox = TRUE, digits = 12, pretty = TRUE), "clmm2.json")
