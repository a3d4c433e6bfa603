"""Writes rows.csv, the rows of `models.data()`, for R: python -m tests.residual.make_data."""

from pathlib import Path

import numpy as np


def main() -> None:
    from .models import data

    d = data()
    names = "y,arm,time,subject,site,weights"
    columns = np.column_stack([d.y, d.arm, d.time, d.subject, d.site, d.weights])
    text = "\n".join([names, *(",".join(repr(float(v)) for v in row) for row in columns)])
    Path(__file__).with_name("rows.csv").write_text(text + "\n")


if __name__ == "__main__":
    main()
