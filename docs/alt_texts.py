"""What the pictures of the gallery show, for those who cannot see them: by page, in order."""

FOUR = "Four panels, for gradient descent, momentum, Nesterov and Adam."
ALT_TEXTS = {
    "plot_getting_started": [
        "Training loss of the network against the epoch: it falls, and levels off.",
    ],
    "plot_any_learning_rate": [
        "Test accuracy on digits against the initial learning rate from 1e-6 to 10. MLPClassifier is good from 1e-3 "
        "on, with SGD up to 1, with Adam up to 10, and poor below; AdaptiveLRMLPClassifier is a flat line at the top.",
        "The same on breast cancer data, with the same outcome.",
    ],
    "plot_pipeline": [
        "Training loss against the iteration: it levels off within five iterations.",
    ],
    "plot_no_grid": [
        "Test accuracy against seconds, three points each. All are equally accurate; the grid searches are to the "
        "right, at ten times the seconds of single fits.",
    ],
    "plot_learned_penalty": [
        "Loss against C. The test loss is a valley; three points of the search, with their slopes, lie near its "
        "bottom.",
    ],
    "plot_unscaled_data": [
        "Error against the ratio of the largest to the smallest scale. That of SGDRegressor grows without bound; "
        "behind a scaler, and of AdaptiveLRLinearRegression, it is the same for every ratio.",
    ],
    "plot_watching_a_fit": [
        "Top: training loss falls, validation loss levels off. Bottom: validation accuracy rises and levels off.",
        "Learning rates against the epoch: the median is a line, smallest to largest a band; both are constant.",
        "Training loss of both networks against the epoch; that of AdaptiveLRMLPClassifier falls faster.",
    ],
    "plot_searches": [
        "Cross-validated accuracy of the candidates after 3, 9 and 27 epochs. Most end after 3; two reach 27.",
    ],
    "plot_callbacks": [
        "Top: training loss falls, validation loss levels off. Bottom: validation accuracy rises and levels off.",
    ],
    "plot_claim_counts": [
        "Top: observed against predicted frequency. The network's points lie on the diagonal, those of the linear "
        "model do not. Bottom: frequency by age. The network follows the valley of the observed one, the linear "
        "model falls.",
    ],
    "plot_own_loss": [
        "Top: points with outliers above them. The Huber line follows the truth, that of squared errors is too "
        "steep. Bottom: the same for a wave; the curve of squared errors is too high.",
    ],
    "plot_sparse_text": [
        "Bars: the ten words with the largest coefficients for each of the two topics.",
    ],
    "plot_out_of_core": [
        "Test accuracy after each chunk. AdaptiveLRMLPClassifier on raw columns and MLPClassifier with scaler and "
        "best rate rise fast; with scaler and default rate slowly; without a scaler it stays at one half.",
    ],
    "plot_checkpoint": [
        "Loss against the epoch: the curve of the resumed fit lies on that of the whole fit.",
    ],
    "plot_beale_paths": [
        f"{FOUR} Paths on the contours of Beale's function. With gradient descent the paper's rule turns off the "
        "path of the fixed rate and is faster; with the others both paths coincide.",
        f"{FOUR} Learning rates of both parameters. With gradient descent they jump, and one is negative for a "
        "moment; with the others they hardly move.",
    ],
    "plot_beale_loss": [
        f"{FOUR} Loss from the best fixed rate. The paper's rule is far lower for gradient descent, and coincides "
        "with the fixed rate for the others.",
        f"{FOUR} Loss from a rate 30 times too small. The paper's rule is lower than that rate in all of them.",
    ],
    "plot_rosenbrock_loss": [
        f"{FOUR} Loss against the step size α. From the best rate the rule is never clearly lower than the fixed "
        "rate; from a rate 30 times too small it is lower at the right α.",
        f"{FOUR} Loss curves. From a rate 30 times too small the rule beats that rate; with Nesterov it beats the "
        "best fixed rate, too.",
    ],
    "plot_linear_regression": [
        f"{FOUR} Loss above the optimum by epoch. The constant rate that is 100 times too small stays high; all "
        "others come down together.",
    ],
    "plot_logistic_regression": [
        f"{FOUR} Objective above the optimum by epoch. The constant rate that is 100 times too small stays "
        "highest; the paper's rule and the best constant rate end lowest.",
    ],
    "plot_mlp": [
        f"{FOUR} Log loss by epoch. The constant rate that is 100 times too small stays high; the paper's rule "
        "from the best rate ends lowest.",
    ],
    "plot_exact_lbfgs": [
        "Four problems: gap to the lowest loss against gradient evaluations. The exact mode needs fewer than "
        "L-BFGS; by far on raw columns and digits, by little on the other two.",
    ],
    "plot_regularization_path": [
        "Top: coefficients against C, all zero on the left and far apart on the right. Bottom: gradient "
        "evaluations; warm starts need fewer where C is large.",
    ],
    "plot_layer_rates": [
        "Learning rates of three layers by epoch, with SGD at the top and Adam below. All rise and level off; that of "
        "the output layer is the largest.",
    ],
    "plot_own_objective": [
        "Top: noisy points with outliers, and the fitted oscillation through them. Bottom: both losses fall to "
        "the same value, that of the paper's rule first.",
    ],
    "plot_own_direction": [
        "Top: training loss of four pairs of direction and rate by epoch. Bottom: their learning rates; two are "
        "constant, two rise.",
    ],
}
