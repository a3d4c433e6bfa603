# What R says of the formulas in formulas.py: python formulas.py && Rscript make_reference.R (in this folder).
# Writes data.csv and reference.json. Run with R 4.2.2, lme4 1.1-31, jsonlite.
suppressMessages({library(lme4); library(jsonlite); library(splines)})
set.seed(11)
n <- 90
d <- data.frame(
  y = rnorm(n), x = rnorm(n), z = rnorm(n), e = runif(n, 0.5, 3), m = rnorm(n),
  f = sample(c("c", "a", "b"), n, TRUE), g = rep(c("q", "p", "r"), each = 30), h = rep(rep(c("v", "u"), each = 15), 3),
  k = sample(c(1L, 2L, 10L), n, TRUE), b = sample(c(TRUE, FALSE), n, TRUE), u = sample(c("hi", "lo"), n, TRUE),
  dummy = rep(0:1, 45)
)
d$m[c(3, 17)] <- NA
write.csv(d, "data.csv", row.names = FALSE, quote = FALSE)
# levels out of order, and one that does not occur
d$f <- factor(d$f, levels = c("c", "a", "b")); d$g <- factor(d$g); d$h <- factor(d$h)
d$u <- factor(d$u, levels = c("none", "lo", "hi"))
for (v in c("f", "g", "h", "u")) d[[v]] <- droplevels(d[[v]])

control <- lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.nlev.gtr.1 = "ignore",
                       check.rankX = "ignore", check.scaleX = "ignore")
bar <- function(text) {
  tryCatch({
    m <- suppressMessages(suppressWarnings(lFormula(as.formula(text), d, control = control)))
    re <- m$reTrms
    list(formula = text, x = I(as.character(colnames(m$X))),
         groups = I(names(re$cnms)), effects = I(unname(lapply(re$cnms, I))), n_theta = length(re$theta),
         levels = lapply(re$flist, function(fac) I(levels(fac))),
         offset = I(round(as.numeric(model.offset(m$fr)), 10)), response = names(m$fr)[1])
  }, error = function(e) list(formula = text, error = conditionMessage(e)))
}
fixed <- function(text) {
  tryCatch({
    # the dot leaves out what lme4's users keep for groups in the test
    data <- if (grepl("^\\.", text)) d[c("y", "x", "z", "f", "m", "b")] else d
    X <- model.matrix(as.formula(paste("y ~", text)), model.frame(as.formula(paste("y ~", text)), data))
    list(formula = text, names = I(as.character(colnames(X))), X = unname(X))
  }, error = function(e) list(formula = text, error = conditionMessage(e)))
}
write_json(list(bars = lapply(readLines("bars.txt"), bar), fixed = lapply(readLines("fixed.txt"), fixed)),
           "reference.json", auto_unbox = TRUE, digits = 12)
