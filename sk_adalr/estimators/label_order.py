"""Whether a stream comes sorted by label, from how rarely the label changes between rows."""

from dataclasses import dataclass

import numpy as np

# Rows of several classes in a chunk, whose order does not matter, count as this many changes of the label at most.
_MOST_IN_A_CHUNK = 2.0
# A stream counts as sorted if it has had at most this many changes for each class but one, where a shuffled one would
# have had so many times more. With fewer rows, whose labels would change so often, one class may just have come first.
_CHANGES_PER_CLASS, _TIMES_MORE, _LEAST_CHANGES = 3.0, 5.0, 400.0


@dataclass(frozen=True)
class LabelOrder:
    """How often the label changes from one row of a stream to the next.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Rows of each class.
    n_chunks : int
    changes : float
        Number of changes.
    last : ndarray of shape (n_classes,)
        Share of each class in the last chunk.
    is_sorted : bool
        Whether the stream has been found to be sorted.
    """

    counts: np.ndarray
    n_chunks: int
    changes: float
    last: np.ndarray
    is_sorted: bool

    @classmethod
    def of_chunk(cls, labels: np.ndarray, n_classes: int) -> "LabelOrder":
        """Return the order of the first chunk, given the class indices (n_rows,) of its rows."""
        counts = np.bincount(labels, minlength=n_classes)
        share = counts / len(labels)
        return cls(counts, 1, _changes_within(len(labels), share), share, False)

    def followed_by(self, chunk: "LabelOrder") -> "LabelOrder":
        """Return the order of the rows so far and those of a chunk."""
        counts, n_chunks = self.counts + chunk.counts, self.n_chunks + 1
        changes = self.changes + chunk.changes + 1.0 - float(self.last @ chunk.last)
        n_rows = float(counts.sum())
        share = counts / n_rows
        expected = n_chunks * (_changes_within(n_rows / n_chunks, share) + 1.0 - float(share @ share))
        most = _CHANGES_PER_CLASS * float(np.count_nonzero(counts) - 1)
        has_enough = n_rows * (1.0 - float(share @ share)) >= _LEAST_CHANGES and expected >= _TIMES_MORE * most
        is_sorted = self.is_sorted or (has_enough and changes <= most)
        return LabelOrder(counts, n_chunks, changes, chunk.last, is_sorted)


def _changes_within(n_rows: float, share: np.ndarray) -> float:
    """Return the mean number of changes within a chunk of shuffled rows, but at most `_MOST_IN_A_CHUNK`."""
    return min(_MOST_IN_A_CHUNK, (n_rows - 1) * (1.0 - float(share @ share)))
