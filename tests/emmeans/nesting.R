# Marginal means of nested factors by emmeans: Rscript tests/emmeans/nesting.R prints what test_nesting.py has.
suppressMessages({library(lmerTest); library(emmeans)})
emm_options(lmer.df = "satterthwaite")
d <- expand.grid(i = 0:5, c = c("c1", "c2"), b = c("b1", "b2", "b3", "b4", "b5"), g = 0:3)
d$a <- factor(ifelse(d$b %in% c("b1", "b2"), "a1", "a2"))
d <- d[!(d$b == "b2" & d$i > 1) & !(d$b == "b4" & d$c == "c1" & d$i > 2), ]
k <- seq_len(nrow(d))
d$y <- round(sin(7 * k) + cos(3 * k * k) + (d$a == "a2") + .3 * as.integer(d$b) + .5 * sin(5 * d$g + 1), 6)
p <- function(x) print(as.data.frame(x), digits = 9)
m <- lmer(y ~ a / b + c + (1 | g), d)
p(emmeans(m, "a")); p(emmeans(m, ~1)); p(emmeans(m, "b"))
for (w in c("proportional", "outer", "cells")) { p(emmeans(m, "a", weights = w)); p(emmeans(m, ~1, weights = w)) }
p(pairs(emmeans(m, "b", by = "a"))); p(joint_tests(m)); p(joint_tests(m, by = "a")); print(test(pairs(emmeans(m, "b", by = "a")), joint = TRUE))
m <- lmer(y ~ (a / b) * c + (1 | g), d)
p(joint_tests(m)); p(joint_tests(m, by = "c"))
d <- read.csv("tests/emmeans/weeks.csv", stringsAsFactors = TRUE)
d$two <- factor(ifelse(d$trt == "lo", "B", "A"))
p(joint_tests(lmer(y ~ two * trt + week + (1 | g), d)))
