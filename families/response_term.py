"""What families share whose log density has a costly term of the response alone, as log y!."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from typing import Self

from ranef.contracts import Family
from ranef.contracts.arrays import FloatArray, IntArray


class ResponseTermFamily(Family):
    """A family that finds a term of its log density once for a response that it is evaluated at again and again."""

    #: y, weights and the term of both, of a family that `of_response` made.
    _found: tuple[FloatArray, FloatArray, FloatArray] | None = None

    @staticmethod
    @abstractmethod
    def term(y: FloatArray, weights: FloatArray) -> FloatArray:
        """What depends on the response alone (on weights, where they are trials), (n,)."""

    def of_response(self, y: FloatArray, weights: FloatArray) -> Self:
        """The same family, which knows the term of these responses."""
        other = copy(self)
        other._found = y, weights, self.term(y, weights)
        return other

    def of_rows(self, y: FloatArray, weights: FloatArray, rows: IntArray) -> Self:
        """The same family, which knows the term of these rows of the responses that it knew."""
        if self._found is None:
            return self
        other = copy(self)
        other._found = y, weights, self._found[2][rows]
        return other

    def response_term(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        """`term`, found before where these are the arrays that it is known of."""
        return self._found[2] if self._found is not None and self.knows(y, weights) else self.term(y, weights)

    def knows(self, y: FloatArray, weights: FloatArray) -> bool:
        """Whether these are the arrays that `of_response` was given."""
        if self._found is None:
            return False
        known_y, known_weights, _ = self._found
        return y is known_y and (weights is known_weights or not self.weights_are_trials)
