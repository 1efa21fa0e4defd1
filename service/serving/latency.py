"""How long decoding takes: learnt from every batch, asked before the next."""

from __future__ import annotations

# What a batch still weighs after one more: some fifty batches count.
_MEMORY = 0.98


class LatencyEstimator:
    """Seconds a batch takes, as ``overhead + letters * each``, fitted to the latest ones.

    A least-squares line whose sums fade: a lone word and a full batch tell the two terms apart,
    and a machine that becomes slower is followed.
    """

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    @property
    def known(self) -> bool:
        """Whether any batch was measured."""
        return self._weight > 0

    def note(self, letters: int, seconds: float) -> None:
        """Learn from a batch of so many letters that took so many seconds."""
        self._weight = _MEMORY * self._weight + 1
        self._x = _MEMORY * self._x + letters
        self._y = _MEMORY * self._y + seconds
        self._xx = _MEMORY * self._xx + letters * letters
        self._xy = _MEMORY * self._xy + letters * seconds

    def seconds(self, letters: int, batches: int = 1) -> float:
        """What so many letters take one worker, in so many batches; 0 before any was measured."""
        if not self.known:
            return 0.0
        overhead, each = self._line()
        return batches * overhead + letters * each

    def _line(self) -> tuple[float, float]:
        x, y = self._x / self._weight, self._y / self._weight
        spread = self._xx / self._weight - x * x
        # Batches all of one size tell nothing of the overhead
        each = (self._xy / self._weight - x * y) / spread if spread > 1e-6 * x * x else y / x
        each = min(max(each, 0.0), y / x)
        return y - each * x, each
