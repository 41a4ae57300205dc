"""Linear regression."""

from typing import get_args

import numpy as np

from sk_adalr.estimators import parameter_types as types
from sk_adalr.estimators.blocks import blocked_data, fit_chunks
from sk_adalr.estimators.fullbatch import fit_linear
from sk_adalr.estimators.linear import raw_linear_prediction
from sk_adalr.estimators.model import LinearModel
from sk_adalr.estimators.name_hints import LINEAR_REGRESSION
from sk_adalr.estimators.regression import Regressor, partial_fit
from sk_adalr.estimators.stream import update_linear
from sk_adalr.options import checked_strength, is_auto


class AdaptiveLRLinearRegression(Regressor):
    r"""Linear regression, with an optional L2 penalty, trained with adaptive learning rates.

    Minimises, over coefficients :math:`w` and intercept :math:`b`, with sample weights :math:`s`,

    .. math:: \frac{\sum_i s_i \, \ell(x_i^T w + b, y_i)}{\sum_i s_i}
              + \frac{\alpha}{2 \sum_i s_i} \lVert w \rVert^2,

    by the method of [1]_. The loss of a raw prediction is half its squared error,
    :math:`\ell(u, y) = \frac12 (u - y)^2`, unless `loss` says otherwise; this is the objective of
    :class:`~sklearn.linear_model.LinearRegression` (:math:`\alpha = 0`) and :class:`~sklearn.linear_model.Ridge`. With
    "poisson" and "gamma" it is that of :class:`~sklearn.linear_model.PoissonRegressor` and
    :class:`~sklearn.linear_model.GammaRegressor`, whose own `alpha` is :math:`\alpha / \sum_i s_i`.

    Parameters
    ----------
    alpha : float, array-like of shape (n_outputs,) or "auto", default=0.0
        L2 strength, at least 0, as in Ridge. The intercept is not penalised. "auto" learns it by
        cross-validation: see `cv` and :ref:`learned_penalty`.
    alpha_per_target : bool, default=False
        Whether "auto" learns one penalty for each output. Then ``alpha_`` and ``cv_loss_`` have an entry for each
        output, and ``penalty_curve_`` is a list with an array for each.
    cv : int, splitter, iterable or None, default=None
        Folds for ``alpha="auto"``, as in scikit-learn. None is exact leave-one-out where a factorisation of squared
        errors is affordable, else five contiguous folds.
    loss : {"squared_error", "poisson", "gamma"} or Loss, default="squared_error"
        The loss of a raw prediction :math:`u = x^T w + b`. "squared_error" predicts :math:`u`.
        "poisson" is half the Poisson deviance, for counts and frequencies, and refuses targets below 0; "gamma" is
        half the gamma deviance, for amounts, and refuses targets of 0 and below. Both predict :math:`e^u`. For a loss
        of your own pass an instance of a subclass of :class:`~sk_adalr.objectives.ElementwiseLoss`, whose arrays have
        the shape (n_rows, n_outputs) or its transpose.
    penalty_units : {"features", "standardized"}, default="features"
        Which coefficients are penalised: those of the features as they are, or those of features divided by their
        standard deviations, whose units do not matter.
    fit_intercept : bool, default=True
        Whether the model has an intercept.
    solver : {"auto", "exact", "sgd", "momentum", "nesterov", "adam", ...} or Direction, default="auto"
        "exact" trains on all rows at once and solves for the learning rates in each step; there is nothing to choose.
        The others train on mini-batches.

        "auto" is a factorisation of dense `X` whose smaller side is at most 1000, or at most 4000 with fewer than ten
        rows per column, and of much sparse data. With another loss than squared errors it is Newton's method for few
        coefficients. Else it is "exact"; with `early_stopping` or a given `learning_rate` it is "adam".
        `partial_fit` solves for all rows so far, for up to 300 columns, one per output included, and uses "adam" for
        wider streams.

        The names of the solvers of Ridge and PoissonRegressor ("cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga",
        "lbfgs", "newton-cholesky"), which all have the same optimum, mean "auto" on all rows at once.
    learning_rate : {"auto", "constant", "hypergradient"} or LearningRate, default="auto"
        How mini-batch solvers find their learning rate. "auto" leaves nothing to choose: the rate of each layer is
        measured on the first batch, and the model is a running average of the iterates. "hypergradient" is the literal
        rule of [1]_, and "constant" a fixed rate. With a direction of your own, "auto" means "hypergradient".
    granularity : {"parameter", "layer", "global"}, default="parameter"
        How many parameters share a learning rate in the rule "hypergradient". No effect on "auto", which has one rate
        for each layer.
    learning_rate_init : float or "auto", default="auto"
        First learning rate, > 0, of the rules "hypergradient" and "constant". No effect where `learning_rate` is
        "auto". By default it is 0.01 for Adam, momentum and Nesterov, 0.1 for SGD.
    hyper_learning_rate : float, default=1e-4
        Step size of the learning rate in the rule "hypergradient", at least 0; the :math:`\alpha` of [1]_.
    batch_size : int or "auto", default="auto"
        Rows per update; "auto" is ``min(200, n_samples)``, and 16 in a wide stream with ``solver="auto"``. Where
        `learning_rate` is "auto", fewer if that makes the batches of an epoch about equal.
    max_iter : int or None, default=1000
        Number of iterations ("exact") or epochs at most; None for the default.
    tol : float, default=1e-4
        "exact" stops when the decrease that is still expected is below `tol` squared, as a share of the loss of the
        best constant prediction. For mini-batch solvers it is the smallest improvement that counts, as a share of the
        same loss; 0 trains for `max_iter` epochs.
    n_iter_no_change : int or numpy.inf, default=10
        Number of epochs without such an improvement after which training stops.
    standardize : bool, default=True
        Whether to train on centred and scaled features and a target in units of its own, and to fold both into the
        coefficients, so that `X` may come in any units. With squared errors the target is centred and scaled; with
        "poisson" and "gamma" it is divided by about its mean; a loss of your own gets it as it is.

        The penalty stays in the units of `X`. Columns that share one unit, such as pixels, keep their relative scale.
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState instance or None, default=None
        Source of the order and of the validation split.
    momentum : float, default=0.9
        Momentum of the solvers "momentum" and "nesterov", in [0, 1). Where `learning_rate` is "auto", it says how near
        to the average of the iterates the gradient is taken.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of Adam's moments, in [0, 1), for a constant or literal rate; the automatic rule has its own.
    epsilon : float, default=1e-8
        Added to Adam's denominator, > 0, for a constant or literal rate; the automatic rule has its own.
    early_stopping : bool, default=False
        Whether to hold out rows and stop when neither the score nor the loss on them has improved by `tol` for
        `n_iter_no_change` epochs; the parameters with the best score are kept.
    scoring : str, callable or None, default=None
        What scores the held-out rows, the larger the better: the name of a scorer of scikit-learn, such as
        "neg_mean_absolute_error", or a callable ``scorer(estimator, X, y)``. None is R2 or D2. With a scorer, `tol`
        is in units of the score. It has no effect without `early_stopping`.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1).
    half_life : float or None, default=None
        Number of rows of a stream, > 0, after which the weight of a row is halved, so that `partial_fit` follows a
        drift. None forgets nothing. Needs ``solver="auto"``, squared errors and at most 300 columns, one per output
        included. `fit` weighs all its rows alike.
    warm_start : bool, default=False
        Whether `fit` continues from the previous fit, the state of the optimizer included.
    verbose : bool or int, default=False
        Whether to print a line per epoch.
    backend : {"auto", "numpy", "cupy"}, default="auto"
        Which library trains: "auto" is CuPy for arrays on a GPU, and NumPy for all others; "cupy" moves the data to
        the GPU once. Fitted attributes are arrays of the library of the data in any case.
    copy_X : bool, default=True
        Accepted for compatibility with scikit-learn, without effect: `X` is never overwritten.
    n_jobs : int or None, default=None
        Accepted for compatibility with scikit-learn, without effect: the threads are those of NumPy's BLAS.
    positive : bool, default=False
        Accepted for compatibility with scikit-learn; must be False.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients, in units of the raw prediction per unit of the feature.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercepts; zero without `fit_intercept`.
    n_iter_ : int
        Number of iterations of the last fit ("exact"), or of epochs, those of the fits that this one continued
        included.
    n_gradient_evaluations_ : float or None
        Passes over the data, forward and backward each counted half, those of the set-up included; None for
        mini-batches.
    solver_ : str
        The solver that `solver` led to: "exact", "newton" (Newton's method), "cholesky" (a factorisation), "qr" (a
        factorisation that `partial_fit` updates), or a mini-batch solver.
    loss_ : float
        Last entry of `loss_curve_`.
    loss_curve_ : list of float
        Mean training loss, penalty included, after each iteration, or at the start where that is the optimum
        ("exact"), or of each epoch over its batches as they were visited. Of "qr", that of all rows so far after
        each call.
    learning_rate_curve_ : ndarray of shape (n_iter_, 3), or (0, 3)
        Smallest, median and largest learning rate at the end of each epoch or iteration; a factorisation has none.
    validation_scores_ : list of float or None
        R2, D2 of other losses, or what `scoring` says, on the held-out rows after each epoch; None without early
        stopping.
    validation_loss_curve_ : list of float or None
        Mean loss on the held-out rows after each epoch, without penalty; None without early stopping.
    best_epoch_ : int or None
        The epoch whose parameters were kept, counted from 1: the best one on the held-out rows, else the last one;
        None where there are no epochs, as in an exact fit.
    rank_ : int or None
        Rank of the data, centred where there is an intercept; None unless a factorisation of all rows solved.
    singular_ : ndarray of shape (min(n_samples, n_features),) or None
        Singular values of the same, rows weighted by the roots of their weights, exact down to about 1e-8 of the
        largest; None with a penalty, unless a factorisation solved, and for more than 300. Of features in
        `penalty_units`.
    stop_reason_ : str
        Why training ended, as a sentence, and in another what was found of the penalty.
    alpha_ : float
        The `alpha` that was used. A fit with this number gives the same model.
    penalty_curve_ : ndarray of shape (n_visits, 3) or None
        The values that "auto" tried: alpha, its cross-validated loss, and the slope of that loss by log alpha, or NaN.
        None unless "auto" learned it.
    cv_loss_ : float or None
        Cross-validated loss at `alpha_`; None unless "auto" learned it.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had them.

    See Also
    --------
    AdaptiveLRLogisticRegression : The same for class labels.

    References
    ----------
    .. [1] "An Adaptive Learning Rate Method for Gradient Descent Algorithms".

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_adalr import AdaptiveLRLinearRegression
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = AdaptiveLRLinearRegression()
    >>> round(model.fit(X, y).score(X, y), 2)
    0.52

    Claims per year of three policies that were observed for 1, 2 and 5 years, by the age of the car:

    >>> model = AdaptiveLRLinearRegression(loss="poisson")
    >>> model = model.fit([[2.0], [8.0], [10.0]], [0.0, 0.5, 0.6], sample_weight=[1, 2, 5])
    >>> model.predict([[2.0], [8.0], [10.0]]).round(1)
    array([0.1, 0.4, 0.6])
    """

    # Fitted attributes.
    coef_: np.ndarray
    intercept_: np.ndarray | float
    n_iter_: int
    n_gradient_evaluations_: float | None
    alpha_: float | np.ndarray
    penalty_curve_: np.ndarray | list[np.ndarray] | None
    cv_loss_: float | np.ndarray | None
    rank_: int | None
    singular_: np.ndarray | None

    _other_parameters = LINEAR_REGRESSION
    _counterpart_solvers = get_args(types.SolverOfRegression)

    def __init__(
        self,
        alpha: types.Strength = 0.0,
        *,
        alpha_per_target: bool = False,
        cv: types.Folds = None,
        loss: types.LossChoice = "squared_error",
        penalty_units: types.PenaltyUnits = "features",
        fit_intercept: bool = True,
        solver: types.LinearSolver | types.SolverOfRegression = "auto",
        learning_rate: types.LearningRateChoice = "auto",
        granularity: types.GranularityName = "parameter",
        learning_rate_init: float | types.Auto = "auto",
        hyper_learning_rate: float = 1e-4,
        batch_size: int | types.Auto = "auto",
        max_iter: int | None = 1000,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        standardize: bool = True,
        shuffle: bool = True,
        random_state: types.RandomState = None,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        early_stopping: bool = False,
        scoring: types.Scoring = None,
        validation_fraction: float = 0.1,
        half_life: float | None = None,
        warm_start: bool = False,
        verbose: int = False,
        backend: types.BackendName = "auto",
        copy_X: bool = True,
        n_jobs: int | None = None,
        positive: bool = False,
    ) -> None:
        self.loss = loss
        self.alpha = alpha
        self.alpha_per_target = alpha_per_target
        self.cv = cv
        self.penalty_units = penalty_units
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.learning_rate = learning_rate
        self.granularity = granularity
        self.learning_rate_init = learning_rate_init
        self.hyper_learning_rate = hyper_learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.standardize = standardize
        self.shuffle = shuffle
        self.random_state = random_state
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.half_life = half_life
        self.warm_start = warm_start
        self.verbose = verbose
        self.backend = backend
        self.copy_X = copy_X
        self.n_jobs = n_jobs
        self.positive = positive

    def _model(self) -> LinearModel:
        strength = 1.0 if is_auto(self.alpha) else checked_strength(self.alpha)
        return LinearModel.of(self, "alpha", self.alpha, strength)

    _data_of_blocks = blocked_data
    _train = staticmethod(fit_linear)
    _train_chunk = staticmethod(update_linear)
    _raw_prediction = raw_linear_prediction
    fit_chunks, partial_fit = fit_chunks, partial_fit
