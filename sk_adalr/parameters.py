"""The layout of a model's parameters in one flat vector, and views of its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sk_adalr.backends import Array


@dataclass(frozen=True)
class ParameterLayout:
    """The positions of each layer's coefficients and intercepts in the flat parameter vector.

    All coefficients come first and all intercepts last, so that the L2 penalty acts on one slice and an
    intercept is never penalised by accident.

    Parameters
    ----------
    coef_shapes : sequence of (int, int)
        ``(n_in, n_out)`` of each layer, from the input to the output.
    fit_intercept : bool, default=True
        Whether each layer has an intercept of shape ``(n_out,)``.
    """

    coef_shapes: tuple[tuple[int, int], ...]
    fit_intercept: bool = True

    @classmethod
    def of_network(cls, sizes: Sequence[int], fit_intercept: bool = True) -> "ParameterLayout":
        """Return the layout of a feed-forward network.

        Parameters
        ----------
        sizes : sequence of int
            Number of units of each layer, from the input to the output.
        fit_intercept : bool, default=True
            Whether each layer has an intercept.

        Returns
        -------
        ParameterLayout
            One affine layer between each pair of consecutive `sizes`.
        """
        return cls(tuple(pairwise(sizes)), fit_intercept)

    @classmethod
    def vector(cls, n_params: int) -> "ParameterLayout":
        """Return the layout of a plain vector.

        Parameters
        ----------
        n_params : int
            Length of the vector.

        Returns
        -------
        ParameterLayout
            One layer of `n_params` coefficients.
        """
        return cls(((n_params, 1),), fit_intercept=False)

    @cached_property
    def n_coefs(self) -> int:
        """Number of coefficients of all layers; the penalised part is ``params[:n_coefs]``."""
        return sum(n_in * n_out for n_in, n_out in self.coef_shapes)

    @cached_property
    def n_params(self) -> int:
        """Length of the flat vector."""
        n_intercepts = sum(n_out for _, n_out in self.coef_shapes) if self.fit_intercept else 0
        return self.n_coefs + n_intercepts

    @cached_property
    def layers(self) -> tuple[tuple[slice, ...], ...]:
        """For each layer, the slices of the flat vector that hold its coefficients and its intercept."""
        layers = []
        coef_start, intercept_start = 0, self.n_coefs
        for n_in, n_out in self.coef_shapes:
            slices = [slice(coef_start, coef_start + n_in * n_out)]
            coef_start += n_in * n_out
            if self.fit_intercept:
                slices.append(slice(intercept_start, intercept_start + n_out))
                intercept_start += n_out
            layers.append(tuple(slices))
        return tuple(layers)

    def unpack(self, params: Array) -> tuple[list[Array], list[Array]]:
        """Return views of each layer's coefficients and intercepts in a flat vector.

        Parameters
        ----------
        params : array of shape (n_params,)
            A parameter vector, or a gradient, which has the same layout.

        Returns
        -------
        coefs : list of arrays of shape (n_in, n_out)
            The coefficients of each layer.
        intercepts : list of arrays of shape (n_out,)
            The intercept of each layer; an empty list without intercepts.
        """
        coefs = [params[s[0]].reshape(shape) for s, shape in zip(self.layers, self.coef_shapes, strict=True)]
        intercepts = [params[s[1]] for s in self.layers] if self.fit_intercept else []
        return coefs, intercepts
