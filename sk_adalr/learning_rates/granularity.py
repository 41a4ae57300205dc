r"""Granularity of learning rates: maps between parameter space and rate space.

The paper has two extremes: a rate per parameter (`learning_rate_update_2`) and a global rate (`dLdeta_global_2`). The
hypergradient of the latter is the *mean* over the parameters. Baydin et al. (2018) use the sum instead; we follow the
paper. A rate per layer is the paper's global rule, applied to each layer.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sk_adalr.backends import Array, namespace
from sk_adalr.parameters import ParameterLayout


class Granularity(Protocol):
    """A map between parameter space (n_params,) and rate space (n_rates,)."""

    def n_rates(self, layout: ParameterLayout) -> int:
        """Return the number of rates.

        Parameters
        ----------
        layout : ParameterLayout
            Which parameters form a layer.

        Returns
        -------
        int
            n_rates, 1 or more.
        """
        ...

    def reduce(self, product: Array, layout: ParameterLayout) -> Array:
        """Return the mean over the parameters that share a rate.

        Parameters
        ----------
        product : array of shape (n_params,)
            The values to average; the array itself may be returned.
        layout : ParameterLayout
            Which parameters form a layer.

        Returns
        -------
        array of shape (n_rates,)
            One mean for each rate.
        """
        ...

    def expand(self, rates: Array, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return the rate of each parameter.

        Parameters
        ----------
        rates : array of shape (n_rates,)
            The rates.
        layout : ParameterLayout
            Which parameters form a layer.
        scratch : array of shape (n_params,)
            Workspace, which may hold the result.

        Returns
        -------
        array
            The rates, in a shape that broadcasts to (n_params,).
        """
        ...


@dataclass(frozen=True)
class PerParameter:
    """A rate for each parameter: the identity (eq. `dLdeta_2`)."""

    def n_rates(self, layout: ParameterLayout) -> int:
        """Return n_params."""
        return layout.n_params

    def reduce(self, product: Array, layout: ParameterLayout) -> Array:
        """Return `product` unchanged."""
        return product

    def expand(self, rates: Array, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return `rates` unchanged."""
        return rates


@dataclass(frozen=True)
class PerLayer:
    """A rate for each layer, shared by its coefficients and its intercept."""

    def n_rates(self, layout: ParameterLayout) -> int:
        """Return the number of layers."""
        return len(layout.layers)

    def reduce(self, product: Array, layout: ParameterLayout) -> Array:
        """Return the mean over each layer."""
        xp = namespace(product)
        sizes = [sum(s.stop - s.start for s in slices) for slices in layout.layers]
        sums = [sum(product[s].sum() for s in slices) for slices in layout.layers]
        return xp.stack([total / size for total, size in zip(sums, sizes, strict=True)])

    def expand(self, rates: Array, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return `scratch`, filled with each layer's rate."""
        for i, slices in enumerate(layout.layers):
            for s in slices:
                scratch[s] = rates[i]
        return scratch


@dataclass(frozen=True)
class Global:
    """One rate for all parameters."""

    def n_rates(self, layout: ParameterLayout) -> int:
        """Return 1."""
        return 1

    def reduce(self, product: Array, layout: ParameterLayout) -> Array:
        """Return the mean over all parameters, (1,) (eq. `dLdeta_global_2`)."""
        return product.mean(keepdims=True)

    def expand(self, rates: Array, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return `rates`, (1,), which broadcasts."""
        return rates


GRANULARITIES: dict[str, type] = {"parameter": PerParameter, "layer": PerLayer, "global": Global}
#: The names of `GRANULARITIES`, for type checkers.
GranularityName: TypeAlias = Literal["parameter", "layer", "global"]
