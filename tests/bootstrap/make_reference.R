# Intervals of R's boot from stored replicates, and pbkrtest's and lme4's bootstrap as far as it does not depend on
# R's random numbers. Writes reference.json:  Rscript make_reference.R
library(boot); library(jsonlite); library(pbkrtest); library(lme4)
set.seed(20)
intervals <- function(R, t0, var0, t, v, L, conf) {
  b <- list(t0 = c(t0, var0), t = cbind(t, v), R = R, data = seq_along(L), seed = 1, sim = "ordinary",
            call = quote(boot(data = x, statistic = f, R = 1)), stype = "i", strata = rep(1, length(L)),
            weights = rep(1 / length(L), length(L)), statistic = function(d, i) 0)
  class(b) <- "boot"
  ci <- boot.ci(b, conf = conf, type = "all", L = L)
  list(R = R, t0 = t0, var0 = var0, t = t, v = v, left_out = NULL, L = L, level = conf,
       normal = ci$normal[1, 2:3], basic = ci$basic[1, 4:5], studentized = ci$student[1, 4:5],
       percentile = ci$percent[1, 4:5], bca = ci$bca[1, 4:5])
}
cases <- list()
for (case in list(c(199, .95), c(499, .9), c(320, .95), c(1000, .99))) {
  R <- case[1]; t <- signif(rgamma(R, 4, 2), 8); v <- signif((0.3 + 0.1 * t + 0.05 * runif(R))^2, 8)
  x <- signif(rgamma(15, 3, 1), 6)
  L <- empinf(data = x, statistic = function(d, i) mean(d[i])^2, type = "jack", stype = "i")
  one <- intervals(R, 2.1, 0.81, t, v, L, case[2])
  one$left_out <- sapply(seq_along(x), function(i) mean(x[-i])^2)
  cases[[length(cases) + 1]] <- one
}
# The observed statistic of a parametric bootstrap test, and p from given reference statistics
sugar <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
small <- update(sugar, . ~ . - Days)
reference <- rchisq(200, 1)
test <- PBmodcomp(sugar, small, ref = reference)
write_json(list(boot = as.character(packageVersion("boot")), pbkrtest = as.character(packageVersion("pbkrtest")),
                intervals = cases,
                test = list(statistic = test$test$stat[1], p_chi2 = test$test$p.value[1], p_boot = test$test$p.value[2],
                            reference = reference)),
           "reference.json", digits = NA, auto_unbox = TRUE)
