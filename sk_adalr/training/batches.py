"""Mini-batches: which rows each update sees, in an order that depends on the random state alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, is_sparse, kernels, namespace, to_host
from sk_adalr.dataset import Batch, Dataset
from sk_adalr.objectives import pairwise_sum
from sk_adalr.sparse_rows import CSRArrays, SparseRows
from sk_adalr.standardization import Standardization
from sk_adalr.training.windows import Window

# Permuted CSR rows are copied in chunks of about as many entries: gathering batch by batch is an order of magnitude
# slower, and more would leave the cache before they are read.
_CSR_CHUNK_ENTRIES = 1 << 17
# Of a window, which is not copied: Ctrl-C waits for it, some hundredths of a second.
_WINDOW_ENTRIES = 1 << 20


def even_size(batch_size: int, n_rows: int) -> int:
    """Return the size, at most `batch_size`, of which as many batches make `n_rows`, and no handful is left over."""
    n_batches = -(-n_rows // batch_size)
    return -(-n_rows // n_batches)


def standardized_rows(X: Any, standardization: Standardization | None) -> SparseRows:
    """Return CSR rows on the host as training sees them, once: every epoch permutes them anew."""
    arrays = CSRArrays(X.data, X.indices, X.indptr, X.shape)
    return SparseRows(arrays) if standardization is None else standardization.transform_csr(arrays)


class Batches:
    """The mini-batches of `data`, epoch after epoch.

    Dense rows are gathered into one buffer that every batch reuses: a batch is valid until the next one is asked for.
    On a device, whose memory comes from a pool, each has a buffer of its own, and is valid for as long as it is kept.
    The order is made on the host, and moved to the data once an epoch: it is the same on every backend.

    Parameters
    ----------
    data : Dataset
    batch_size : int
        Rows per batch; the last batch of an epoch may be smaller. At `n_rows` or above, the batch is full.
    shuffle : bool
        Whether each epoch has a new order. A full batch is never shuffled.
    random_state : RandomState
        Source of the orders.
    rows : int array or None, default=None
        The rows that take part; None for all.
    standardization : Standardization or None, default=None
        How to centre and scale the rows; None leaves them as they are.
    sparse_rows : SparseRows or None, default=None
        What `standardized_rows` makes of CSR rows on the host, where it is there already.
    """

    def __init__(
        self,
        data: Dataset,
        batch_size: int,
        *,
        shuffle: bool,
        random_state: np.random.RandomState,
        rows: np.ndarray | None = None,
        standardization: Standardization | None = None,
        sparse_rows: SparseRows | None = None,
    ) -> None:
        self.data = data
        self.n_rows = data.n_samples if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_rows)
        self._shuffle = shuffle and self.batch_size < self.n_rows
        self._random_state = random_state
        self._rows = rows
        if sparse_rows is None and is_sparse(data.X) and namespace(data.X) is np:
            sparse_rows = standardized_rows(data.X, standardization)
        self._sparse_rows = sparse_rows
        is_needed = sparse_rows is None and standardization is not None
        self._standardization = standardization.beside(data.X) if is_needed else None  # type: ignore[union-attr]
        # Sums of weights divide losses and gradients: they are numbers of the host, and are not read from a device.
        self._host_weight = None if data.weight is None else to_host(data.weight)
        self._buffer: Array | None = None
        self._full_batch: Batch | None = None

    @property
    def n_batches(self) -> int:
        """Batches per epoch."""
        return -(-self.n_rows // self.batch_size)

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one epoch; rows without weight alone make no batch."""
        if self.batch_size == self.n_rows:
            if self._full_batch is None:
                self._full_batch = next(self._batches(self._rows))
            yield self._full_batch
            return
        for batch in self._batches(self._order()):
            if batch.weight_sum > 0:
                yield batch

    @property
    def has_windows(self) -> bool:
        """Whether there is more than one batch, of CSR rows on the host."""
        return self.batch_size < self.n_rows and self._sparse_rows is not None

    def windows(self) -> Iterator[Window]:
        """Yield the batches of one epoch, many at once."""
        order, X = self._order(), self._sparse_rows
        assert X is not None  # `has_windows`
        order = np.arange(self.n_rows) if order is None else order
        for part in self._chunks(_WINDOW_ENTRIES):
            rows = order[part]
            weight = None if self._host_weight is None else self._host_weight.take(rows)
            window = Window(X, rows, self.data.target.take(rows, axis=0), weight, self.batch_size)
            if window.weight_sums.any():
                yield window

    def _order(self) -> np.ndarray | None:
        """Return the rows of an epoch in their order; None for all as they are."""
        if not self._shuffle:
            return self._rows
        order = self._random_state.permutation(self.n_rows)
        return order if self._rows is None else self._rows[order]

    def _chunks(self, n_entries: int) -> Iterator[slice]:
        """Yield the parts of an epoch that whole batches of CSR rows make, of about as many entries."""
        chunk_rows = n_entries * self.data.n_samples // max(1, self.data.X.nnz)
        step = self.batch_size * max(1, chunk_rows // self.batch_size)
        for start in range(0, self.n_rows, step):
            yield slice(start, min(start + step, self.n_rows))

    def _batches(self, order: np.ndarray | None) -> Iterator[Batch]:
        X = self.data.X
        step = self.batch_size
        if self._sparse_rows is not None:
            yield from self._slices(self._sparse_rows, order)
            return
        moved_order = None if order is None else beside(order, X)
        for start in range(0, self.n_rows, step):
            part = slice(start, min(start + step, self.n_rows))
            rows: Any = part if moved_order is None else moved_order[part]
            host_rows = part if order is None else order[part]
            X_rows, target = self._sparse_part(rows) if is_sparse(X) else self._dense_part(rows)
            yield self._batch(X_rows, target, rows, host_rows)

    def _slices(self, X: SparseRows, order: np.ndarray | None) -> Iterator[Batch]:
        """Yield batches of the sparse rows on the host, which are slices of `X`, or of permuted chunks of it."""
        if order is None:
            for start in range(0, self.n_rows, self.batch_size):
                rows = slice(start, min(start + self.batch_size, self.n_rows))
                yield self._batch(X.rows(rows.start, rows.stop), self.data.target[rows], rows, rows)
            return
        for rows in self._chunks(_CSR_CHUNK_ENTRIES):
            chunk = order[rows]
            X_chunk, target = X.take(chunk), self.data.target.take(chunk, axis=0)
            for start in range(0, len(chunk), self.batch_size):
                stop = min(start + self.batch_size, len(chunk))
                host_rows = chunk[start:stop]
                yield self._batch(X_chunk.rows(start, stop), target[start:stop], host_rows, host_rows)

    def _sparse_part(self, rows: slice | Array) -> tuple[Any, Array]:
        """Return rows of a device, and their target."""
        X, target, units = self.data.X[rows], self.data.target, self._standardization
        # `take` is twice as fast where it applies.
        part = target[rows] if isinstance(rows, slice) else target.take(rows, 0)
        return SparseRows(X) if units is None else units.transform_csr(X), part

    def _dense_part(self, rows: slice | Array) -> tuple[Any, Array]:
        X, target, units = self.data.X, self.data.target, self._standardization
        if isinstance(rows, slice):
            part = X[rows]
            if units is not None:
                part = units.transform(part, out=self._buffer_of(rows.stop - rows.start))
            return part, target[rows]
        buffer = self._buffer_of(len(rows))
        gather = kernels(X).gather if units is None else units.gather
        return buffer, gather(X, target, rows, buffer)

    def _buffer_of(self, n_rows: int) -> Array:
        X = self.data.X
        xp = namespace(X)
        if xp is not np:
            return xp.empty((n_rows, X.shape[1]), dtype=X.dtype)
        if self._buffer is None:
            self._buffer = xp.empty((self.batch_size, X.shape[1]), dtype=X.dtype)
        return self._buffer[:n_rows]

    def _batch(self, X: Any, target: Array, rows: slice | Array, host_rows: slice | np.ndarray) -> Batch:
        weight = self.data.weight
        if weight is None or self._host_weight is None:
            return Batch(X, target, None, float(target.shape[0]))
        host_weight = self._host_weight[host_rows]
        weight = host_weight if weight is self._host_weight else weight[rows]
        return Batch(X, target, weight, float(pairwise_sum(host_weight.astype(np.float64, copy=False))))
