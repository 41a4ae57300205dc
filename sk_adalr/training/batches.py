"""Mini-batches: the rows of each update, in an order that depends only on the random state."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, is_sparse, kernels, namespace, to_host
from sk_adalr.dataset import Batch, Dataset
from sk_adalr.objectives import pairwise_sum
from sk_adalr.sparse_rows import CSRArrays, SparseRows
from sk_adalr.standardization import Standardization
from sk_adalr.training.windows import Window

# Permuted CSR rows are copied in chunks of about this many entries: copying batch by batch is an order of magnitude
# slower, and larger chunks would be evicted from the cache before they are read.
_CSR_CHUNK_ENTRIES = 1 << 17
# Entries per window, whose rows are not copied. Ctrl-C waits until a window ends: some hundredths of a second.
_WINDOW_ENTRIES = 1 << 20


def even_size(batch_size: int, n_rows: int) -> int:
    """Return the batch size that splits `n_rows` about evenly into as few batches as `batch_size` allows."""
    n_batches = -(-n_rows // batch_size)
    return -(-n_rows // n_batches)


def standardized_rows(X: Any, standardization: Standardization | None) -> SparseRows:
    """Return host CSR rows standardised for training, which is done once: epochs only permute the result."""
    arrays = CSRArrays(X.data, X.indices, X.indptr, X.shape)
    return SparseRows(arrays) if standardization is None else standardization.transform_csr(arrays)


class Batches:
    """Mini-batches of `data`, one epoch at a time.

    On the host, dense rows are gathered into one buffer that all batches share: a batch is valid until the next one is
    requested. On a device, whose memory comes from a pool, each batch has its own buffer and stays valid. The order is
    drawn on the host and copied to the device once per epoch, so that it is the same on every backend.

    Parameters
    ----------
    data : Dataset
    batch_size : int
        Rows per batch; the last batch of an epoch may be smaller. From `n_rows` on, a single batch has all rows.
    shuffle : bool
        Whether each epoch has a new random order. A single batch of all rows is never shuffled.
    random_state : RandomState
        Source of the random order.
    rows : int array or None, default=None
        Indices of the rows to use; None for all.
    standardization : Standardization or None, default=None
        How to centre and scale the rows; None leaves them as they are.
    sparse_rows : SparseRows or None, default=None
        The result of `standardized_rows` for CSR rows on the host, if it has already been computed.
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
        # Sums of weights, which divide losses and gradients, come from a host copy: no batch waits for a device.
        self._host_weight = None if data.weight is None else to_host(data.weight)
        self._buffer: Array | None = None
        self._full_batch: Batch | None = None

    @property
    def n_batches(self) -> int:
        """Number of batches per epoch."""
        return -(-self.n_rows // self.batch_size)

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one epoch, without batches whose weights are all zero."""
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
        """Whether `windows` is available: for more than one batch of CSR rows on the host."""
        return self.batch_size < self.n_rows and self._sparse_rows is not None

    def windows(self) -> Iterator[Window]:
        """Yield the batches of one epoch in windows of many batches."""
        order, X = self._order(), self._sparse_rows
        assert X is not None  # callers check `has_windows`
        order = np.arange(self.n_rows) if order is None else order
        for part in self._chunks(_WINDOW_ENTRIES):
            rows = order[part]
            weight = None if self._host_weight is None else self._host_weight.take(rows)
            window = Window(X, rows, self.data.target.take(rows, axis=0), weight, self.batch_size)
            if window.weight_sums.any():
                yield window

    def _order(self) -> np.ndarray | None:
        """Return the row indices of an epoch, shuffled if asked for; None for all rows in their own order."""
        if not self._shuffle:
            return self._rows
        order = self._random_state.permutation(self.n_rows)
        return order if self._rows is None else self._rows[order]

    def _chunks(self, n_entries: int) -> Iterator[slice]:
        """Yield slices of the rows of an epoch: whole batches of CSR rows with about `n_entries` entries per slice."""
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
        """Yield batches of CSR rows on the host: slices of `X`, or of permuted copies of chunks of it."""
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
        """Return standardised sparse rows on a device, and their targets."""
        X, target, units = self.data.X[rows], self.data.target, self._standardization
        # With an index array, `take` is twice as fast as indexing.
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
