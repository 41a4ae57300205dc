"""How the kernels are compiled."""

import numba

#: Without fastmath, products and sums are not contracted and nothing is reordered: results equal the reference's bit
#: by bit, and NaN and infinity pass through. The error model of NumPy, where dividing by zero gives infinity, is what
#: lets the loops be vectorised.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
