"""Formulas and data frames: what lme4's users type, turned into the arguments of the array front ends.

`tokens` and `bars` read the text, `expressions` checks every call in it, `columns` and `funnel` read the frame under
one mask, `design` encodes with formulaic, `encoder` does so again for new data, and `model_frame` puts them together.
"""
