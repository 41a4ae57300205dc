import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sk_adalr.dataset import Dataset
from sk_adalr.standardization import Standardization
from sk_adalr.training import Batches
from sk_adalr.training import batches as module
from sk_adalr.training.batches import even_size

storages = pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])


def dataset(n_rows, storage=np.asarray, weight=None):
    """Rows that know their number: X is (i, 0, i squared) and the target is i."""
    i = np.arange(n_rows, dtype=float)
    return Dataset(storage(np.column_stack([i, np.zeros(n_rows), i**2])), i[:, None], weight)


def epochs(data, n_epochs=1, seed=0, **options):
    """Return the batches of some epochs as lists of (dense X, target, weight, weight sum), copied."""
    options = {"batch_size": 3, "shuffle": True, **options}
    batches = Batches(data, random_state=np.random.RandomState(seed), **options)
    dense = np.eye(data.X.shape[1])
    return [
        [
            (
                np.array(batch.X @ dense),
                batch.target.copy(),
                None if batch.weight is None else batch.weight.copy(),
                batch.weight_sum,
            )
            for batch in batches.epoch()
        ]
        for _ in range(n_epochs)
    ]


def order(epoch):
    return np.concatenate([target[:, 0] for _, target, _, _ in epoch]).astype(int)


options = {
    "n_rows": st.integers(1, 40),
    "batch_size": st.integers(1, 50),
    "shuffle": st.booleans(),
    "storage": st.sampled_from([np.asarray, sparse.csr_array]),
    "seed": st.integers(0, 1000),
}


@given(**options)
def test_an_epoch_covers_each_row_once(n_rows, batch_size, shuffle, storage, seed):
    for epoch in epochs(dataset(n_rows, storage), 2, seed, batch_size=batch_size, shuffle=shuffle):
        np.testing.assert_array_equal(np.sort(order(epoch)), np.arange(n_rows))


@given(**options)
def test_features_targets_and_weights_stay_together(n_rows, batch_size, shuffle, storage, seed):
    weight = np.arange(1.0, n_rows + 1)
    for X, target, batch_weight, weight_sum in epochs(
        dataset(n_rows, storage, weight), 1, seed, batch_size=batch_size, shuffle=shuffle
    )[0]:
        np.testing.assert_array_equal(X, np.column_stack([target, 0 * target, target**2]))
        np.testing.assert_array_equal(batch_weight, target[:, 0] + 1)
        assert weight_sum == batch_weight.sum()


@given(**options)
def test_all_batches_but_the_last_are_full(n_rows, batch_size, shuffle, storage, seed):
    sizes = [len(X) for X, *_ in epochs(dataset(n_rows, storage), 1, seed, batch_size=batch_size, shuffle=shuffle)[0]]
    assert set(sizes[:-1]) <= {batch_size}
    assert 1 <= sizes[-1] <= batch_size


@given(n_rows=st.integers(1, 5000), batch_size=st.integers(1, 300))
def test_even_batches_are_as_few_as_the_size_allows_and_leave_no_handful(n_rows, batch_size):
    size = even_size(batch_size, n_rows)
    n_batches = -(-n_rows // size)
    assert size <= batch_size
    assert n_batches <= -(-n_rows // batch_size)
    assert n_rows - (n_batches - 1) * size > size - n_batches


@given(**options)
def test_the_same_seed_gives_the_same_order_dense_or_sparse(n_rows, batch_size, shuffle, storage, seed):
    runs = [
        epochs(dataset(n_rows, storage), 2, seed, batch_size=batch_size, shuffle=shuffle)
        for storage in (np.asarray, sparse.csr_array)
    ]
    for dense, csr in zip(*runs, strict=True):
        for (X, target, *_), (other_X, other_target, *_) in zip(dense, csr, strict=True):
            np.testing.assert_array_equal(X, other_X)
            np.testing.assert_array_equal(target, other_target)


@storages
def test_sparse_chunks_do_not_change_the_batches(storage, monkeypatch):
    expected = epochs(dataset(20, storage))
    monkeypatch.setattr(module, "_CSR_CHUNK_ENTRIES", 7)
    for (X, *_), (other_X, *_) in zip(*(e[0] for e in (expected, epochs(dataset(20, storage)))), strict=True):
        np.testing.assert_array_equal(X, other_X)


@given(**options)
def test_standardised_batches_equal_the_dense_formula(n_rows, batch_size, shuffle, storage, seed):
    units = Standardization(np.array([1.0, 2.0, -3.0]), np.array([2.0, 0.5, 10.0]))
    epoch = epochs(dataset(n_rows, storage), 1, seed, batch_size=batch_size, shuffle=shuffle, standardization=units)[0]
    for X, target, *_ in epoch:
        raw = np.column_stack([target, 0 * target, target**2])
        np.testing.assert_allclose(X, (raw - units.center) / units.scale, rtol=1e-13, atol=1e-13)


@storages
def test_each_epoch_has_a_new_order(storage):
    first, second = epochs(dataset(20, storage), 2)
    assert order(first).tolist() != order(second).tolist()


@storages
def test_without_shuffling_the_order_is_that_of_the_rows(storage):
    for epoch in epochs(dataset(20, storage), 2, shuffle=False):
        np.testing.assert_array_equal(order(epoch), np.arange(20))


@storages
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [2, 100])
def test_only_the_chosen_rows_take_part(storage, shuffle, batch_size):
    rows = np.array([7, 1, 4, 9, 3])
    epoch = epochs(dataset(12, storage), rows=rows, shuffle=shuffle, batch_size=batch_size)[0]
    assert sorted(order(epoch)) == sorted(rows)


@storages
def test_a_full_batch_takes_no_random_numbers(storage):
    random_state = np.random.RandomState(0)
    batches = Batches(dataset(5, storage), 5, shuffle=True, random_state=random_state)
    list(batches.epoch())
    assert random_state.randint(1 << 30) == np.random.RandomState(0).randint(1 << 30)


@storages
def test_a_full_batch_is_prepared_once(storage):
    batches = Batches(dataset(5, storage), 9, shuffle=True, random_state=np.random.RandomState(0))
    (first,), (second,) = batches.epoch(), batches.epoch()
    assert first is second


def test_a_batch_without_weight_is_left_out():
    weight = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    epoch = epochs(dataset(5, weight=weight), batch_size=2, shuffle=False)[0]
    assert order(epoch).tolist() == [0, 1, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@storages
def test_batches_keep_the_dtype(storage, dtype):
    data = Dataset(storage(np.ones((6, 2), dtype=dtype)), np.ones((6, 1), dtype=dtype), np.arange(6).astype(dtype))
    units = Standardization(np.zeros(2), np.ones(2))
    for batch in Batches(data, 4, shuffle=True, random_state=np.random.RandomState(0), standardization=units).epoch():
        assert {(batch.X @ np.eye(2, dtype=dtype)).dtype, batch.target.dtype, batch.weight.dtype} == {np.dtype(dtype)}


@storages
@pytest.mark.parametrize("batch_size", [2, 100])
def test_the_data_are_left_as_they_were(storage, batch_size):
    data = dataset(7, storage)
    units = Standardization(np.ones(3), np.full(3, 2.0))
    epochs(data, 2, batch_size=batch_size, shuffle=False, standardization=units)
    np.testing.assert_array_equal(data.X @ np.eye(3), dataset(7).X)
