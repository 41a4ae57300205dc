"""Multi-layer perceptron classifier."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from sk_adalr.estimators import parameter_types as types
from sk_adalr.estimators.blocks import fit_chunks
from sk_adalr.estimators.classification import Classifier
from sk_adalr.estimators.ensemble import for_one_network, train_networks
from sk_adalr.estimators.job import answers_unknown_arguments
from sk_adalr.estimators.minibatch import train_chunk
from sk_adalr.estimators.model import NetworkModel
from sk_adalr.estimators.name_hints import MLP_CLASSIFIER
from sk_adalr.estimators.network import best_loss, best_validation_score, raw_network_prediction
from sk_adalr.estimators.network_blocks import visited_data


class AdaptiveLRMLPClassifier(Classifier):
    r"""Multi-layer perceptron classifier trained with adaptive learning rates.

    Minimises the log loss plus an L2 penalty, the objective of :class:`~sklearn.neural_network.MLPClassifier`. Each
    batch with sample weights :math:`s` contributes

    .. math:: \frac{\sum_i s_i \, \ell(y_i, u(x_i))}{\sum_i s_i} + \frac{\alpha}{2 \sum_i s_i} \lVert W \rVert^2.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer; empty for a linear predictor.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden layers.
    alpha : float, default=1e-4
        L2 strength, at least 0, divided by the sum of the batch's weights. With `standardize` it acts on the
        coefficients of the standardised features. Intercepts are not penalised.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, 1 by default; "balanced" weighs classes inversely to their frequency. A weight of 0
        leaves out the rows of a class, which stays in `classes_`, with a probability next to 0. With several
        labels per sample, a list of dicts, one per label; a sample's weight is the product over its labels.
    solver : {"auto", "sgd", "momentum", "nesterov", "adam"} or Direction, default="auto"
        The direction of an update; "auto" is "adam".
    learning_rate : {"auto", "constant", "hypergradient"} or LearningRate, default="auto"
        How mini-batch solvers find their learning rate. "auto" leaves nothing to choose: the rate of each layer is
        measured on the first batch, and the model is a running average of the iterates. "hypergradient" is the literal
        rule of [1]_, and "constant" a fixed rate. With a direction of your own, "auto" means "hypergradient".
    granularity : {"parameter", "layer", "global"}, default="parameter"
        How many parameters share a learning rate in the rule "hypergradient". No effect on "auto", which has one rate
        for each layer.
    learning_rate_init : float or "auto", default="auto"
        First learning rate, > 0, of the rules "hypergradient" and "constant". No effect where `learning_rate` is
        "auto". By default it is 0.001 for Adam, 0.01 for momentum and Nesterov, 0.1 for SGD.
    hyper_learning_rate : float, default=1e-4
        Step size of the learning rate in the rule "hypergradient", at least 0; the :math:`\alpha` of [1]_.
    batch_size : int or "auto", default="auto"
        Rows per update; "auto" is ``min(200, n_samples)``. Where `learning_rate` is "auto", fewer if that makes the
        batches of an epoch about equal.
    max_iter : int, default=200
        Number of epochs at most.
    tol : float, default=1e-4
        Smallest improvement that counts, relative to the loss of the best constant prediction; 0 trains for
        `max_iter` epochs.
    n_iter_no_change : int or numpy.inf, default=10
        Number of epochs without such an improvement after which training stops.
    standardize : bool, default=True
        Whether to train on centred and scaled features, and to fold both into the coefficients, so that `X` may come
        in any units. Sparse columns are centred without becoming dense. Columns that share one unit, such as pixels,
        keep their relative scale.
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, of the order and of the validation split. The initial weights are those of
        scikit-learn's MLP with the same seed; with Adam and `learning_rate="auto"`, 0.3 times those in the output
        layer.
    momentum : float, default=0.9
        Momentum of the solvers "momentum" and "nesterov", in [0, 1). Where `learning_rate` is "auto", it says how near
        to the average of the iterates the gradient is taken.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of Adam's moments, in [0, 1), for a constant or literal rate; the automatic rule has its own.
    epsilon : float, default=1e-8
        Added to Adam's denominator, > 0, for a constant or literal rate; the automatic rule has its own.
    early_stopping : bool or "auto", default="auto"
        True holds out rows, stops when neither accuracy nor loss on them has improved by `tol` for
        `n_iter_no_change` epochs, and keeps the parameters with the best accuracy.

        "auto" does so from 10,000 rows on, 1000 of them outside the most frequent class, and lets the loss decide
        where accuracies are within half a standard error.

        With fewer rows, from 30 on, cross-validation finds the best number of epochs, on five folds or as many as have
        1000 rows, and all rows train for as many. There are no folds if `tol` is 0 or `warm_start`.

        `X_val` replaces held-out rows and folds, and is an error with False.
    scoring : str, callable or None, default=None
        What scores the validation rows, the larger the better: the name of a scorer of scikit-learn, such as
        "roc_auc", or a callable ``scorer(estimator, X, y)``. None is accuracy. With a scorer, `tol` is in units of
        the score, and the highest score wins, however close the others are. It has no effect without validation rows,
        nor on folds, which use the loss.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, in (0, 1).
    ensemble : bool, default=False
        Whether to train five networks, and to predict with the mean of their raw predictions. Each trains on four
        fifths of the rows, from random weights of its own, and stops early by the other fifth. Predictions take about
        five times as long. `partial_fit`, `warm_start`, `X_val` and checkpoints are for a single network.
    warm_start : bool, default=False
        Whether `fit` continues from the previous fit, the state of the optimizer included.
    verbose : bool or int, default=False
        Whether to print a line per epoch.
    backend : {"auto", "numpy", "cupy"}, default="auto"
        Which library trains: "auto" is CuPy for arrays on a GPU, and NumPy for all others; "cupy" moves the data to
        the GPU once. Fitted attributes are arrays of the library of the data in any case.
    nesterovs_momentum : bool, default=True
        Accepted for compatibility with scikit-learn, without effect: `solver` says whether there is momentum, and
        which: "sgd" has none, "momentum" the classical one, "nesterov" Nesterov's.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels; for several labels per sample, their column numbers.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Coefficients of each layer.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of each layer.
    estimators_ : list of estimators
        The networks of an ensemble, with their curves, scores and epochs. The ensemble itself has the largest
        `n_iter_`, the sum of `t_` and the mean `loss_` only. Its `coefs_` and `intercepts_` place theirs side by side.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of units of the last layer.
    out_activation_ : str
        Activation of the output layer: "logistic" for two classes or several labels, "softmax" for more classes.
    t_ : int
        Number of rows that training has seen, each as often as it was seen.
    n_iter_ : int
        Number of epochs, those of the fits that this one continued included.
    loss_ : float
        Last entry of `loss_curve_`.
    loss_curve_ : list of float
        Mean training loss of each epoch, penalty included, over its batches as they were visited.
    learning_rate_curve_ : ndarray of shape (n_iter_, 3)
        Smallest, median and largest learning rate at the end of each epoch.
    layer_learning_rate_curve_ : ndarray of shape (n_iter_, n_hidden_layers + 1, 3)
        The same for each layer of coefficients; only with hidden layers.
    validation_scores_ : list of float or None
        Accuracy, or what `scoring` says, on the held-out rows after each epoch; None where no rows were held out.
    validation_loss_curve_ : list of float or None
        Mean loss on the held-out rows after each epoch, without penalty; None where no rows were held out.
    best_loss_ : float or None
        Lowest entry of `loss_curve_`; None where rows were held out.
    best_validation_score_ : float or None
        Highest entry of `validation_scores_`; None where no rows were held out.
    best_epoch_ : int
        The epoch whose parameters were kept, counted from 1: the best one on the held-out rows, else the last one.
    solver_ : str
        The solver that `solver` led to.
    stop_reason_ : str
        Why training ended, as a sentence.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had them.

    See Also
    --------
    AdaptiveLRLogisticRegression : The linear model, with scikit-learn's penalty.

    References
    ----------
    .. [1] "An Adaptive Learning Rate Method for Gradient Descent Algorithms".

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> X, y = load_wine(return_X_y=True)  # raw columns, of scales 0.1 to 1000
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = AdaptiveLRMLPClassifier(random_state=0).fit(X_train, y_train)
    >>> round(model.score(X_test, y_test), 1)
    1.0
    """

    _takes_multilabel = True
    _takes_one_class = True
    # Fitted attributes.
    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    t_: int
    layer_learning_rate_curve_: np.ndarray
    estimators_: list[Self]

    _other_parameters = MLP_CLASSIFIER

    def __init__(
        self,
        hidden_layer_sizes: types.LayerSizes = (100,),
        activation: types.ActivationName = "relu",
        *,
        alpha: float = 1e-4,
        class_weight: types.ClassWeight | Sequence[Mapping[Any, float]] = None,
        solver: types.NetworkSolver = "auto",
        learning_rate: types.LearningRateChoice = "auto",
        granularity: types.GranularityName = "parameter",
        learning_rate_init: float | types.Auto = "auto",
        hyper_learning_rate: float = 1e-4,
        batch_size: int | types.Auto = "auto",
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        standardize: bool = True,
        shuffle: bool = True,
        random_state: types.RandomState = None,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        early_stopping: bool | types.Auto = "auto",
        scoring: types.Scoring = None,
        validation_fraction: float = 0.1,
        ensemble: bool = False,
        warm_start: bool = False,
        verbose: int = False,
        backend: types.BackendName = "auto",
        nesterovs_momentum: bool = True,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
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
        self.ensemble = ensemble
        self.warm_start = warm_start
        self.verbose = verbose
        self.backend = backend
        self.nesterovs_momentum = nesterovs_momentum

    # The arguments are in the order of scikit-learn's MLPClassifier.
    @for_one_network
    @answers_unknown_arguments
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one pass over the given rows, continuing from where training is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of one chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their non-negative weights.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur; needed in the first call, optional after it.

        Returns
        -------
        self : estimator
            The estimator after the pass.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs in a later one, or if ``class_weight="balanced"``.
        """
        self._partial_fit_labels(X, y, classes, sample_weight)
        return self

    def _model(self) -> NetworkModel:
        return NetworkModel(self.hidden_layer_sizes, self.activation, self.alpha)

    _train, _train_chunk, _data_of_blocks = staticmethod(train_networks), staticmethod(train_chunk), visited_data
    fit_chunks = fit_chunks
    _raw_prediction = raw_network_prediction
    # Annotated, because type checkers infer Any for a call of `property`.
    best_loss_: float | None = property(best_loss)  # type: ignore[assignment]
    best_validation_score_: float | None = property(best_validation_score)  # type: ignore[assignment]
