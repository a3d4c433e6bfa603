collect_ignore = ["make_mpmath.py"]  # needs mpmath
