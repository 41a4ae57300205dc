r"""Standardised columns of a linear predictor, for full passes over the data.

With the column means :math:`\mu` and scales :math:`\sigma` the predictor is

.. math:: u = X w + b = \tilde X \tilde w + \tilde b, \qquad
          \tilde X = (X - 1\mu^T)\,\mathrm{diag}(1/\sigma), \quad
          \tilde w = \sigma w, \quad \tilde b = b + \mu^T w.

A solver that uses only :math:`\tilde X` does not depend on the offsets and units of the columns.

The data are not copied as a rule: centring and scaling are applied to the vectors that enter and leave a pass or, if
large offsets would cause cancellation, to each block of rows while it is in cache. So a memory map is read as it is.
Data in memory with few columns are copied for first-order steps, in the layout in which passes run at memory speed.

If the data are on a device, so are all arrays with an entry per row. Arrays with an entry per column (coefficients,
gradients, means and scales) are on the host: a pass copies one vector to the device and one back.
"""

from sk_adalr.objectives.columns.base import Columns, Coordinates, RowBlock
from sk_adalr.objectives.columns.choice import (
    columns_of_few_rows,
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
    "columns_of_few_rows",
    "first_order_columns",
    "newton_columns",
    "standardised_as",
    "standardised_columns",
]
