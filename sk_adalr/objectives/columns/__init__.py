r"""Columns of a linear predictor, centred and scaled once, for full passes over the data.

With the column means :math:`\mu` and scales :math:`\sigma` the predictor is

.. math:: u = X w + b = \tilde X \tilde w + \tilde b, \qquad
          \tilde X = (X - 1\mu^T)\,\mathrm{diag}(1/\sigma), \quad
          \tilde w = \sigma w, \quad \tilde b = b + \mu^T w.

A solver that sees only :math:`\tilde X` is blind to the offsets and units of the columns. Data stays as it is where
it can be, and both corrections are applied to the vectors that enter and leave a pass. Dense data whose offsets would
cost digits, or of few columns, is standardised in a copy, which costs as much as twenty passes and brings it into the
layout in which passes over few columns run at memory speed.

Where the data lie on a device, so does all that has an entry per row. What has an entry per column, coefficients,
gradients, means and scales, is the host's: a pass moves one such vector in and one out.
"""

from sk_adalr.objectives.columns.base import Columns
from sk_adalr.objectives.columns.choice import columns_in_place, newton_columns, standardised_columns
from sk_adalr.objectives.columns.dense import DenseColumns

__all__ = ["Columns", "DenseColumns", "columns_in_place", "newton_columns", "standardised_columns"]
