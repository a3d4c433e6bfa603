"""Formulas and data frames: what lme4's users type, turned into the arguments of the array front ends.

`tokens`, `bars` and `plan` read the text, `expressions` checks every call in it, `columns` and `source` read the frame,
`size` refuses what is too large, `formulaic` encodes, `encoder` does so again for new data, and `model_frame` puts them
together under one mask.
"""
