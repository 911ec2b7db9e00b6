"""AM-softmax: softmax over scaled cosines with an additive margin."""

from torch import Tensor

from kws_core.losses.normalised_softmax import MarginSoftmax


class AMSoftmax(MarginSoftmax):
    """Mean of -log( exp(s (cos_y - m)) / (exp(s (cos_y - m)) + sum over j != y of exp(s cos_j)) ).

    Source: Ma et al., "normalisation + margin"; margin 0 is their "normalisation".
    """

    def handicap(self, cosines: Tensor) -> Tensor:
        """`cosines - m`."""
        return cosines - self.margin
