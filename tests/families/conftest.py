"""The script that makes the reference figures needs mpmath, the tests do not."""

collect_ignore = ["make_mpmath_reference.py"]
