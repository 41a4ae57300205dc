"""The pages on the paper's three models say what the fits there found."""

import numpy as np
import pytest
from sklearn.base import clone

pytestmark = pytest.mark.long

PAGES = ("plot_linear_regression", "plot_logistic_regression", "plot_mlp")
CONSTANT = "best constant rate"
TUNED = "paper's rule, from the best rate"
RESCUED = "paper's rule, from the best rate / 100"
TOO_SMALL = "constant rate, best / 100"
AUTOMATIC = "automatic, nothing tuned"


def half_squared_error(model, page):
    residual = page["X_train"] @ model.coef_ + model.intercept_ - page["y_train"]
    return residual @ residual / (2 * len(residual))


def log_loss_plus_penalty(model, page):
    raw = page["X_train"] @ model.coef_[0] + model.intercept_[0]
    sign = 2 * page["y_train"] - 1
    return np.logaddexp(0, -sign * raw).mean() + 0.5 / (10.0 * len(raw)) * (model.coef_[0] @ model.coef_[0])


def log_loss(model, page):
    hidden = page["X_train"]
    for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        hidden = np.maximum(hidden @ weights + bias, 0)
    raw = hidden @ model.coefs_[-1] + model.intercepts_[-1]
    raw = raw - raw.max(axis=1, keepdims=True)
    of_the_label = raw[np.arange(len(raw)), page["y_train"]]
    return np.mean(np.log(np.exp(raw).sum(axis=1)) - of_the_label)


LOSSES = dict(zip(PAGES, (half_squared_error, log_loss_plus_penalty, log_loss), strict=True))


def relative_losses(name, page):
    """Return the loss of each model over that of the best constant rate, by optimizer."""
    loss = LOSSES[name]
    return {
        optimizer: {label: loss(model, page) / loss(models[CONSTANT], page) for label, model in models.items()}
        for optimizer, models in page["models"].items()
    }


@pytest.mark.parametrize("name", PAGES)
def test_the_printed_loss_is_that_of_the_model_on_all_training_rows(example, name):
    page = example(name)
    for models in page["models"].values():
        for model in models.values():
            # A loss of 1e-5 of probabilities near 1 has 11 digits.
            assert page["loss"](model) == pytest.approx(LOSSES[name](model, page), rel=1e-6)


@pytest.mark.parametrize("name", PAGES)
def test_a_curve_ends_with_the_loss_of_its_model(example, name):
    page = example(name)
    for models in page["models"].values():
        for model in models.values():
            assert page["losses_by_epoch"](model)[-1] == page["loss"](model)


@pytest.mark.parametrize("name", PAGES)
def test_the_best_constant_rate_is_inside_its_grid(example, name):
    page = example(name)
    for optimizer, models in page["models"].items():
        assert page["rates"][0] < models[CONSTANT].learning_rate_init < page["rates"][-1], optimizer


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("label", [TUNED, RESCUED])
def test_the_best_step_size_is_inside_its_grid(example, name, label):
    page = example(name)
    for optimizer, models in page["models"].items():
        alpha = models[label].hyper_learning_rate
        assert page["alphas"][0] < alpha < page["alphas"][-1], optimizer


@pytest.mark.parametrize("name", PAGES)
def test_the_step_sizes_beside_the_best_one_are_worse(example, name):
    page = example(name)
    ratio = page["alphas"][1] / page["alphas"][0]
    for models in page["models"].values():
        for label in (TUNED, RESCUED):
            best = models[label]
            for alpha in (best.hyper_learning_rate / ratio, best.hyper_learning_rate * ratio):
                try:
                    neighbour = clone(best).set_params(hyper_learning_rate=alpha)
                    neighbour.fit(page["X_train"], page["y_train"])
                except ValueError:  # it diverged
                    continue
                assert not LOSSES[name](neighbour, page) < LOSSES[name](best, page)


def test_in_linear_regression_the_rule_wins_two_thousandths_at_most_and_makes_up_for_a_bad_rate(example):
    losses = relative_losses(PAGES[0], example(PAGES[0]))
    for optimizer, of in losses.items():
        assert 0.998 < of[TUNED] <= 1, optimizer
        assert of[RESCUED] < 1.002, optimizer
        assert of[TOO_SMALL] > 1.2, optimizer


def test_in_linear_regression_the_automatic_rule_has_the_lowest_loss(example):
    for of in relative_losses(PAGES[0], example(PAGES[0])).values():
        assert min(of, key=of.get) == AUTOMATIC


def test_in_logistic_regression_the_rule_wins_a_hundredth_and_makes_up_for_a_bad_rate(example):
    losses = relative_losses(PAGES[1], example(PAGES[1]))
    for optimizer, of in losses.items():
        assert 0.985 < of[TUNED] <= 1, optimizer
        assert of[RESCUED] < 1.015, optimizer
        assert of[TOO_SMALL] > 1.2, optimizer
    assert min(of[TUNED] for of in losses.values()) < 0.995


def test_in_logistic_regression_the_automatic_rule_ends_a_tenth_to_a_fourth_above_the_best_constant_rate(example):
    for of in relative_losses(PAGES[1], example(PAGES[1])).values():
        assert 1.09 < of[AUTOMATIC] < 1.26
        assert of[AUTOMATIC] < of[TOO_SMALL]


def test_in_a_network_the_rule_lowers_the_tuned_loss_by_a_fifth_or_more(example):
    losses = relative_losses(PAGES[2], example(PAGES[2]))
    assert losses["gradient descent"][TUNED] == pytest.approx(0.8, abs=0.05)
    assert losses["Adam"][TUNED] < 0.5
    assert all(of[TUNED] < 0.85 for of in losses.values())


def test_in_a_network_the_rule_always_helps_and_comes_back_to_the_tuned_loss_with_adam_only(example):
    losses = relative_losses(PAGES[2], example(PAGES[2]))
    for optimizer, of in losses.items():
        assert of[RESCUED] < of[TOO_SMALL] / 20, optimizer
        assert (of[RESCUED] < 1.1) if optimizer == "Adam" else (of[RESCUED] > 10), optimizer


def test_in_a_network_the_automatic_rule_ends_below_the_best_constant_rate(example):
    for of in relative_losses(PAGES[2], example(PAGES[2])).values():
        assert 0.35 < of[AUTOMATIC] < 0.85


@pytest.mark.parametrize("name", PAGES[1:])
def test_the_test_accuracies_of_what_was_tuned_differ_by_a_few_rows(example, name):
    page = example(name)
    for models in page["models"].values():
        scores = [models[label].score(page["X_test"], page["y_test"]) for label in (CONSTANT, TUNED, AUTOMATIC)]
        assert np.ptp(scores) * len(page["y_test"]) < 10


def test_momentum_and_nesterov_are_gradient_descent_to_the_automatic_rule(example):
    for name in PAGES:
        page = example(name)
        losses = [LOSSES[name](page["models"][solver][AUTOMATIC], page) for solver in list(page["models"])[:3]]
        assert losses[0] == losses[1] == losses[2]
