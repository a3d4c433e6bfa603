"""The formulas that ranef and R are asked, by name of the part that they try."""

from __future__ import annotations

from pathlib import Path

#: Random terms, against lme4's `lFormula`.
BARS = """
y ~ x + (1 | g)
y ~ x + (x | g)
y ~ x + (1 + x | g)
y ~ x + (0 + x | g)
y ~ x + (x - 1 | g)
y ~ x + (-1 + x | g)
y ~ x + (x || g)
y ~ x + (1 + x || g)
y ~ x + (0 + x || g)
y ~ x + (x + z || g)
y ~ x + (f | g)
y ~ x + (0 + f | g)
y ~ x + (f || g)
y ~ x + (0 + f || g)
y ~ x + (x * f || g)
y ~ x + (x:f | g)
y ~ x + (0 + x:f | g)
y ~ x + (1 | g/h)
y ~ x + (x | g/h)
y ~ x + (x || g/h)
y ~ x + (1 | g/h/k)
y ~ x + (1 | g:h)
y ~ x + (1 | h:g)
y ~ x + (1 | g:h:k)
y ~ x + (1 | g) + (1 | h)
y ~ x + (1 | g) + (0 + x | g)
y ~ x + (1 | g) + (1 | g:h)
y ~ x + (1 | k)
y ~ x + ((1 | g))
y ~ x + ((1 | g) + (1 | h))
y ~ (1 | g)
y ~ 0 + (1 | g)
y ~ x - 1 + (1 | g)
y ~ (1 | g) + x
y ~ x + (1 | g) + f
y ~ x + (log(e) | g)
y ~ x + (poly(x, 2) | g)
y ~ x + (I(x^2) | g)
y ~ x + (scale(x) | g)
y ~ x + (b | g)
y ~ x + (b || g)
log(e) ~ x + (1 | g)
y ~ x + offset(log(e)) + (1 | g)
y ~ x + (1 | g) + offset(z) + offset(log(e))
y ~ f + (0 + dummy | g)
y ~ x * f + (1 | g)
y ~ x+(1|g)+( 1+x|h )
y ~ x + (1 | factor(k))
y ~ x + (1 | interaction(g, h))
y ~ x + (1 | (g/h))
""".strip().splitlines()

#: Fixed terms, against R's `model.matrix`.
FIXED = """
x
x * f
x + f + x:f
(x + f)^2
(x + f)**2
f/g
f/x
x:f
f + f:g
(f + g + x)^3
f * g - f
(x + f + g)^2 - f:g
0 + f
f - 1 + x
0 + x:f
x + 0 + 1
1
0
poly(x, 2)
f * poly(x, 2)
bs(x, df = 5)
scale(x)
log(e)
I(x^2)
I(x + z)
C(f, contr.sum)
C(f, contr.helmert)
C(f, contr.poly)
C(f, contr.sum) * x
C(f, contr.helmert) * x
C(factor(k), contr.poly)
x + m
m + f
f:g
x + f:g
f %in% g
x:b
0 + b
f:b
x * b
f * b
(0 + f):x
u
ns(x, df = 3)
ns(x, 4) + f
sqrt(e)
log1p(e)
factor(k)
factor(k) * x
relevel(f, "b")
relevel(f, ref = "c") + x
cut(x, c(-10, 0, 1, 10))
ifelse(x > 0, "hi", "lo")
I(x > 0)
I(k^2)
x + I(2 * x * z)
exp(z)/f
. - f - m
poly (x, 2) + factor(k):x
C(f, contr.SAS)
""".strip().splitlines()

#: Refused, with a word of the message; lme4 takes most of them by accident.
REFUSED = {
    "y ~ x + 1 | g": "need brackets",
    "y ~ x | g": "need brackets",
    "y ~ (1 | g) * x": "no products",
    "y ~ (x + (1 | g))^2": "no products",
    "y ~ x - (1 | g)": "added, not subtracted",
    "y ~ x + (1 | g):f": "no products",
    "y ~ I(x | z) + (1 | g)": "inside of I",
    "y ~ log(x | z) + (1 | g)": "inside of log",
    "y ~ x + (1 | g * h)": "no grouping factor",
    "y ~ x + (1 | g + h)": "no grouping factor",
    "y ~ x + (1 | g | h)": "one bar",
    "y ~ x + ( | g)": "before the bar",
    "y ~ x + (1 | )": "no grouping factor follows",
    "y ~ x + (0 | g)": "no effects",
    "y ~ x + (1 | g) + (x | g)": "another random term",
    "y ~ x": "needs a random term",
    "~ x + (1 | g)": "response is missing",
    "y ~ ": "nothing follows",
    "y ~ x + (1 | g": "not closed",
    "y ~ x + 1 | g)": "closes no bracket",
    "y ~ x + (1 | g) ~ z": "one ~",
    "y ~ 2 * x + (1 | g)": "only 0 and 1",
    "y ~ x + + z + (1 | g)": "term is missing",
    "y ~ x z + (1 | g)": "without a sign",
    "y ~ x^z + (1 | g)": "whole number",
    "y ~ x@z + (1 | g)": "no meaning",
    "y ~ np.log(x) + (1 | g)": "no function np.log (write log)",
    "y ~ I(x.real) + (1 | g)": "no column 'x.real'",
    "y ~ __import__('os') + (1 | g)": "no function __import__",
    "y ~ I([x for x in z]) + (1 | g)": "no expression",
    "y ~ I(9^9^9^9) + (1 | g)": "cannot be computed",
    "y ~ xx + (1 | g)": "no column 'xx'",
    "y ~ x + (1 | gg)": "no column 'gg'",
    "y ~ C(f, contr.none) + (1 | g)": "no contr.none",
    "f ~ x + (1 | g)": "is text",
    "y ~ log(x) + (1 | g)": "log(x) is missing or infinite in",
    "y ~ x + offset(f) + (1 | g)": "needs numbers",
    "y ~ log(offset(x)) + (1 | g)": "no function offset",
    "y ~ x:offset(z) + (1 | g)": "no products",
    "y ~ x + cs(1 + x || g)": "covariance structure itself",
    "y ~ x + (1 | g/(h/k))": "without brackets",
}

if __name__ == "__main__":
    for name, formulas in (("bars.txt", BARS), ("fixed.txt", FIXED)):
        Path(__file__).with_name(name).write_text("\n".join(formulas) + "\n", encoding="utf-8")
