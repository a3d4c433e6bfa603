"""What `compare` gives: the text of a test that carries its figures."""

from __future__ import annotations

from typing import Any

from ..display.shown import Shown
from ..inference.lrt import LikelihoodRatio


class LikelihoodRatioTest(Shown):
    """The formatted test, as text that also carries `statistic`, `df` and `p_value`, and the whole `record`."""

    record: LikelihoodRatio

    def __new__(cls, record: LikelihoodRatio) -> LikelihoodRatioTest:
        """The text of a test, with its figures."""
        self = super().__new__(cls, str(record))
        self.record = record
        return self

    @property
    def statistic(self) -> float:
        """Twice the difference of the log-likelihoods."""
        return self.record.statistic

    @property
    def df(self) -> int:
        """Difference of the numbers of parameters."""
        return self.record.df

    @property
    def p_value(self) -> float:
        """Chance of a larger statistic, by the chi-squared distribution."""
        return self.record.p_value

    def to_frame(self, like: Any = None) -> Any:
        """A row for each model, as a data frame; as of `Table.to_frame`."""
        return self.record.to_frame(like)

    def _repr_html_(self) -> str:
        return self.record._repr_html_()

    def __getnewargs__(self) -> tuple[LikelihoodRatio]:  # type: ignore[override]
        return (self.record,)
