"""Whether a stream comes sorted by label, from how rarely the label changes between rows."""

from dataclasses import dataclass

import numpy as np

# The order within a chunk does not matter: rows of several classes count as one change of the label at most.
_MOST_IN_A_CHUNK = 1.0
# A stream counts as sorted if two classes have had so many rows each in chunks of hardly any others, and the label has
# changed at most so many times for each class but one. Sorted rows have two changes: into a chunk with rows of both
# classes, and out of it.
_NEARLY_ALL, _ROWS_OF_A_CLASS, _CHANGES_PER_CLASS = 0.9, 200, 2.5


@dataclass(frozen=True)
class LabelOrder:
    """How often the label changes from one row of a stream to the next.

    Parameters
    ----------
    alone : ndarray of shape (n_classes,)
        Rows of each class in chunks that have hardly any rows of others.
    changes : float
        Number of changes.
    last : ndarray of shape (n_classes,)
        Share of each class in the last chunk.
    is_sorted : bool
        Whether the stream has been found to be sorted.
    """

    alone: np.ndarray
    changes: float
    last: np.ndarray
    is_sorted: bool

    @classmethod
    def of_chunk(cls, labels: np.ndarray, n_classes: int) -> "LabelOrder":
        """Return the order of the first chunk, given the class indices (n_rows,) of its rows."""
        counts = np.bincount(labels, minlength=n_classes)
        share = counts / len(labels)
        changes = (len(labels) - 1) * (1.0 - float(share @ share))  # the mean if the rows were shuffled
        return cls(np.where(share >= _NEARLY_ALL, counts, 0), min(_MOST_IN_A_CHUNK, changes), share, False)

    def followed_by(self, chunk: "LabelOrder") -> "LabelOrder":
        """Return the order of the rows so far and those of a chunk."""
        alone = self.alone + chunk.alone
        changes = self.changes + chunk.changes + 1.0 - float(self.last @ chunk.last)
        has_enough = np.count_nonzero(alone >= _ROWS_OF_A_CLASS) > 1
        is_sorted = bool(has_enough and changes <= _CHANGES_PER_CLASS * (np.count_nonzero(alone) - 1))
        return LabelOrder(alone, changes, chunk.last, self.is_sorted or is_sorted)
