"""Logistic regression."""

from typing import Literal, get_args

import numpy as np

from sk_adalr.caller import warn_caller
from sk_adalr.estimators import parameter_types as types
from sk_adalr.estimators.blocks import blocked_data, fit_chunks
from sk_adalr.estimators.classification import Classifier, partial_fit
from sk_adalr.estimators.fullbatch import fit_linear
from sk_adalr.estimators.linear import densify, raw_linear_prediction, sparsify
from sk_adalr.estimators.model import LinearModel
from sk_adalr.estimators.name_hints import LOGISTIC_REGRESSION
from sk_adalr.estimators.stream import update_linear
from sk_adalr.names import check_number
from sk_adalr.options import check_l2, is_auto


class AdaptiveLRLogisticRegression(Classifier):
    r"""Logistic regression, binary or multinomial, trained with adaptive learning rates.

    Minimises, over coefficients :math:`W` and intercepts :math:`b`, with sample weights times class weights
    :math:`s` and the log loss :math:`\ell`,

    .. math:: \frac{\sum_i s_i \, \ell(y_i, x_i W + b)}{\sum_i s_i} + \frac{1}{2 C \sum_i s_i} \lVert W \rVert^2,

    the objective of :class:`~sklearn.linear_model.LogisticRegression`, by the method of [1]_.

    Parameters
    ----------
    penalty : {"l2", "deprecated", None}, default="l2"
        None is the same as ``C=numpy.inf``. scikit-learn's default "deprecated" is "l2".
    C : float or "auto", default=1.0
        Inverse of the L2 strength, > 0; ``numpy.inf`` for no penalty. Intercepts are not penalised. "auto" learns it
        by cross-validation: see `cv` and :ref:`learned_penalty`.
    cv : int, splitter, iterable or None, default=None
        Folds for ``C="auto"``, as in scikit-learn. None is five contiguous, stratified folds, with copies of a row
        in one of them.
    l1_ratio : float, default=0.0
        Only 0, a pure L2 penalty, is supported.
    penalty_units : {"features", "standardized"}, default="features"
        Which coefficients are penalised: those of the features as they are, or those of features divided by their
        standard deviations, whose units do not matter.
    fit_intercept : bool, default=True
        Whether the model has intercepts.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, 1 by default; "balanced" weighs classes inversely to their frequency. A weight of 0
        leaves out the rows of a class, which stays in `classes_`, with a probability next to 0.
    solver : {"auto", "exact", "sgd", "momentum", "nesterov", "adam", ...} or Direction, default="auto"
        "exact" trains on all rows at once and solves for the learning rates in each step; there is nothing to choose.
        The others train on mini-batches.

        "auto" is Newton's method for few coefficients, else "exact"; with `early_stopping` or a given `learning_rate`
        it is "adam". `partial_fit` solves for all rows so far, the earlier ones in a quadratic approximation, for up
        to 300 columns, one per class included, and uses "adam" for wider streams.

        The names of LogisticRegression's solvers ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear")
        mean "auto" on all rows at once. They have the same optimum, except that "liblinear" also penalises the
        intercept, which is not done here.
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
        Training on all rows stops when the decrease that is still expected is below `tol` squared, as a share of the
        loss of the best constant prediction. First-order steps also need that the last of them decreased the loss by
        hardly more than that; from the 70th on, `tol` grows with the square of their number, up to 100 times.

        For mini-batch solvers it is the smallest improvement that counts, as a share of the same loss; 0 trains for
        `max_iter` epochs.
    n_iter_no_change : int or numpy.inf, default=10
        Number of epochs without such an improvement after which training stops.
    standardize : bool, default=True
        Whether to train on centred and scaled features, and to fold both into the coefficients, so that `X` may come
        in any units. The penalty stays in the units of `X`. Columns that share one unit, such as pixels, keep their
        relative scale.
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
        Whether to hold out rows and stop when neither accuracy nor the loss on them has improved by `tol`
        for `n_iter_no_change` epochs; the parameters with the best score are kept.
    scoring : str, callable or None, default=None
        What scores the held-out rows, the larger the better: the name of a scorer of scikit-learn, such as
        "roc_auc", or a callable ``scorer(estimator, X, y)``. None is accuracy. With a scorer, `tol` is in units of
        the score. It has no effect without `early_stopping`.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1).
    half_life : float or None, default=None
        Number of rows of a stream, > 0, after which the weight of a row is halved, so that `partial_fit` follows a
        drift. None forgets nothing. Needs ``solver="auto"`` and at most 300 columns, one per class included. `fit`
        weighs all its rows alike.
    warm_start : bool, default=False
        Whether `fit` continues from the previous fit, the state of the optimizer included.
    verbose : bool or int, default=False
        Whether to print a line per epoch.
    backend : {"auto", "numpy", "cupy"}, default="auto"
        Which library trains: "auto" is CuPy for arrays on a GPU, and NumPy for all others; "cupy" moves the data to
        the GPU once. Fitted attributes are arrays of the library of the data in any case.
    dual : bool, default=False
        Accepted for compatibility with scikit-learn; must be False.
    intercept_scaling : float, default=1
        Accepted for compatibility with scikit-learn; must be 1.
    n_jobs : int or None, default=None
        Accepted for compatibility with scikit-learn, without effect: the threads are those of NumPy's BLAS.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels.
    coef_ : ndarray of shape (1, n_features) for two classes, else (n_classes, n_features)
        Coefficients, per unit of the feature. Without penalty they are centred over the classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts, centred over the classes; zero without `fit_intercept`.
    n_iter_ : ndarray of shape (1,)
        Number of iterations of the last fit ("exact"), or of epochs, those of the fits that this one continued
        included.
    n_gradient_evaluations_ : float or None
        Passes over the data, forward and backward each counted half, those of the set-up included; a new curvature of
        Newton's method counts half, too. None for mini-batches.
    solver_ : str
        The solver that `solver` led to: "exact", "newton", "qr" (a factorisation that `partial_fit` updates), or a
        mini-batch solver.
    loss_ : float
        Last entry of `loss_curve_`.
    loss_curve_ : list of float
        Mean training loss, penalty included, after each iteration, or at the start where that is the optimum
        ("exact"), or of each epoch over its batches as they were visited. Of "qr", that of the last chunk's rows
        after each call.
    learning_rate_curve_ : ndarray of shape (n_iter, 3)
        Smallest, median and largest learning rate at the end of each epoch or iteration; of Newton's method, the
        inverse curvature along single coefficients.
    validation_scores_ : list of float or None
        Accuracy, or what `scoring` says, on the held-out rows after each epoch; None without early stopping.
    validation_loss_curve_ : list of float or None
        Mean loss on the held-out rows after each epoch, without penalty; None without early stopping.
    best_epoch_ : int or None
        The epoch whose parameters were kept, counted from 1: the best one on the held-out rows, else the last one;
        None where there are no epochs, as in an exact fit.
    stop_reason_ : str
        Why training ended, as a sentence, and in another what was found of the penalty.
    C_ : float
        The `C` that was used. A fit with this number gives the same model.
    penalty_curve_ : ndarray of shape (n_visits, 3) or None
        The values that "auto" tried: C, its cross-validated loss, and the slope of that loss by log C, or NaN. None
        unless "auto" learned it.
    cv_loss_ : float or None
        Cross-validated loss at `C_`; None unless "auto" learned it.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had them.

    See Also
    --------
    AdaptiveLRLinearRegression : The same for real targets.
    AdaptiveLRMLPClassifier : A network with hidden layers.

    References
    ----------
    .. [1] "An Adaptive Learning Rate Method for Gradient Descent Algorithms".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AdaptiveLRLogisticRegression()
    >>> round(model.fit(X, y).score(X, y), 2)
    0.97
    """

    # Fitted attributes.
    coef_: np.ndarray  # or sparse, after `sparsify`
    intercept_: np.ndarray
    n_iter_: np.ndarray
    n_gradient_evaluations_: float | None
    C_: float
    penalty_curve_: np.ndarray | None
    cv_loss_: float | None

    _other_parameters = LOGISTIC_REGRESSION
    _counterpart_solvers = get_args(types.SolverOfClassification)

    def __init__(
        self,
        penalty: Literal["l2", "deprecated"] | None = "l2",
        *,
        C: float | types.Auto = 1.0,
        cv: types.Folds = None,
        l1_ratio: float = 0.0,
        penalty_units: types.PenaltyUnits = "features",
        fit_intercept: bool = True,
        class_weight: types.ClassWeight = None,
        solver: types.LinearSolver | types.SolverOfClassification = "auto",
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
        dual: bool = False,
        intercept_scaling: float = 1,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.cv = cv
        self.l1_ratio = l1_ratio
        self.penalty_units = penalty_units
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
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
        self.dual = dual
        self.intercept_scaling = intercept_scaling
        self.n_jobs = n_jobs

    def _model(self) -> LinearModel:
        if not is_auto(self.C):
            check_number("C", self.C, 0, strict=True, or_infinite=True)
        check_l2(self.penalty, self.l1_ratio)
        if self.penalty is None and self.C not in (1.0, np.inf):
            warn_caller(f"`penalty=None` means no penalty, so `C={self.C!r}` has no effect. Leave one of them out.")
        C = np.inf if self.penalty is None else self.C
        return LinearModel.of(self, "C", C, 1.0 if isinstance(C, str) else 1 / C)

    _data_of_blocks = blocked_data
    _train = staticmethod(fit_linear)
    _train_chunk = staticmethod(update_linear)
    _raw_prediction = raw_linear_prediction
    fit_chunks, partial_fit = fit_chunks, partial_fit
    sparsify, densify = sparsify, densify
