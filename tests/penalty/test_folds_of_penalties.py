import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from sk_adalr.dataset import Dataset
from sk_adalr.penalty.folds import make_folds, representative, weighted_for_all, without_copies

LABELS = np.random.RandomState(0).permutation([0] * 31 + [1] * 52 + [2] * 17)
DATA = Dataset(np.arange(200.0).reshape(100, 2), LABELS)
ROWS = np.arange(100)


def held_out(folds):
    return [test for _, test in folds]


def test_folds_share_no_row_and_have_all():
    folds = make_folds(None, DATA, LABELS, ROWS)
    assert len(folds) == 5
    assert sorted(np.concatenate(held_out(folds))) == list(ROWS)
    for train, test in folds:
        assert sorted([*train, *test]) == list(ROWS)


def test_each_fold_has_its_share_of_each_class():
    for label, count in enumerate(np.bincount(LABELS)):
        shares = [(LABELS[test] == label).sum() for test in held_out(make_folds(None, DATA, LABELS, ROWS))]
        assert max(shares) - min(shares) <= 1
        assert sum(shares) == count


def test_of_one_class_the_rows_of_a_fold_follow_each_other():
    own = np.flatnonzero(LABELS == 1)
    for test in held_out(make_folds(None, DATA, LABELS, ROWS)):
        assert np.ptp(np.flatnonzero(np.isin(own, test))) == np.isin(own, test).sum() - 1


def test_without_labels_they_are_those_of_k_fold():
    theirs = [test for _, test in KFold(4).split(ROWS)]
    for test, other in zip(held_out(make_folds(4, DATA, None, ROWS)), theirs, strict=True):
        np.testing.assert_array_equal(test, other)


def test_copies_of_rows_stay_together():
    copies = np.repeat(np.arange(25), 4)[np.random.RandomState(1).permutation(100)]
    copies = np.unique(copies, return_inverse=True)[1]
    for train, test in make_folds(None, DATA, LABELS[copies], copies):
        assert not set(copies[train]) & set(copies[test])


@pytest.mark.parametrize("labels", [None, LABELS])
@pytest.mark.parametrize("cv", [None, 4, GroupKFold(4)])
def test_groups_stay_together(cv, labels):
    groups = np.random.RandomState(1).randint(0, 20, 100)
    data = Dataset(DATA.X, LABELS[:, None], groups=groups)
    folds = make_folds(cv, data, labels, ROWS)
    assert len(folds) == (5 if cv is None else 4)
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


def test_a_splitter_of_the_user_is_asked():
    folds = make_folds(TimeSeriesSplit(3), Dataset(DATA.X, LABELS[:, None]), None, ROWS)
    assert all(train.max() < test.min() for train, test in folds)
    shuffled = StratifiedKFold(3, shuffle=True, random_state=0)
    theirs = [test for _, test in shuffled.split(ROWS, LABELS)]
    for test, other in zip(held_out(make_folds(shuffled, DATA, LABELS, ROWS)), theirs, strict=True):
        np.testing.assert_array_equal(test, other)


def test_a_fold_without_rows_of_a_class_is_refused():
    labels = np.sort(LABELS)
    with pytest.raises(ValueError, match=r"A fold of `cv` trains without rows of one class"):
        make_folds(KFold(5), DATA, labels, ROWS)


def test_few_rows_are_all_taken_and_many_in_the_share_of_their_class():
    assert len(representative(DATA, LABELS)) == 100
    labels = np.repeat([0, 1, 2], [30_000, 9_990, 10])
    data = Dataset(np.zeros((40_000, 3)), labels)
    rows = representative(data, labels)
    np.testing.assert_array_equal(np.bincount(labels[rows]), [1500, 500, 10])


def test_the_rows_that_are_taken_weigh_what_all_do():
    labels = np.repeat([0, 1], [30_000, 30])
    data = Dataset(np.zeros((30_030, 3)), labels, np.linspace(1, 2, 30_030))
    rows = representative(data, labels)
    part = weighted_for_all(data, labels, rows)
    of_class = [part.weight[labels[rows] == label].sum() / part.weight.sum() for label in (0, 1)]
    expected = [data.weight[labels == label].sum() / data.weight.sum() for label in (0, 1)]
    np.testing.assert_allclose(of_class, expected)
    assert part.weight.mean() == pytest.approx(1)


def test_copies_become_one_row_with_their_weight():
    copies = np.array([0, 1, 0, 2, 1, 0])
    data = Dataset(np.arange(3.0)[copies][:, None], np.arange(3.0)[copies][:, None], np.array([1, 2, 3, 4, 5, 6.0]))
    merged = without_copies(data, copies)
    np.testing.assert_array_equal(merged.X[:, 0], [0, 1, 2])
    np.testing.assert_array_equal(merged.weight, [10, 7, 4])
