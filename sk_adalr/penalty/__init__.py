"""Choice of the penalty: the strength with the lowest cross-validated loss."""

from sk_adalr.penalty.choice import Learned, PenaltyChoice, Rows
from sk_adalr.penalty.folds import representative, weighted_for_all
from sk_adalr.penalty.refits import Solution
from sk_adalr.penalty.search import Ending

__all__ = ["Ending", "Learned", "PenaltyChoice", "Rows", "Solution", "representative", "weighted_for_all"]
