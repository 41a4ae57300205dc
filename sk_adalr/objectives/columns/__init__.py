r"""Columns of a linear predictor, centred and scaled once, for full passes over the data.

With the column means :math:`\mu` and scales :math:`\sigma` the predictor is

.. math:: u = X w + b = \tilde X \tilde w + \tilde b, \qquad
          \tilde X = (X - 1\mu^T)\,\mathrm{diag}(1/\sigma), \quad
          \tilde w = \sigma w, \quad \tilde b = b + \mu^T w.

A solver that sees only :math:`\tilde X` does not depend on the offsets and units of the columns.

Data stay where they are: both corrections are applied to the vectors that enter and leave a pass or, where the
offsets would cost digits, to each block of rows while it is in cache. That needs no copy, so a memory map is read as
it is. Few columns in memory are copied for first-order steps, in the layout in which passes run at memory speed.

Where the data lie on a device, so does all that has an entry per row. What has an entry per column, coefficients,
gradients, means and scales, is the host's: a pass moves one such vector in and one out.
"""

from sk_adalr.objectives.columns.base import Columns, Coordinates, RowBlock
from sk_adalr.objectives.columns.choice import (
    first_order_columns,
    newton_columns,
    standardised_as,
    standardised_columns,
)
from sk_adalr.objectives.columns.dense import DenseColumns

__all__ = [
    "Columns",
    "Coordinates",
    "DenseColumns",
    "RowBlock",
    "first_order_columns",
    "newton_columns",
    "standardised_as",
    "standardised_columns",
]
