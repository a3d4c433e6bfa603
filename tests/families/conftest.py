"""The scripts that make the reference figures need mpmath, the tests do not."""

collect_ignore = [
    "make_mpmath_further.py",
    "make_mpmath_more.py",
    "make_mpmath_normals.py",
    "make_mpmath_reference.py",
]
