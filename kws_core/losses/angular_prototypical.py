"""Angular prototypical loss (AP): the prototypical loss over scaled cosines."""

from torch import Tensor

from kws_core.losses.prototypical import Prototypical
from kws_core.losses.scaled_cosine import ScaledCosine


class AngularPrototypical(Prototypical):
    """The prototypical loss with score w cos(query, c) + b; episodes and non-targets enter as there.

    Source: Huh et al., "angular prototypical".
    """

    def __init__(self) -> None:
        super().__init__()
        self.score = ScaledCosine()

    def scores(self, queries: Tensor, prototypes: Tensor) -> Tensor:
        """Scores `[queries, prototypes]` that the softmax is taken over."""
        scores: Tensor = self.score(queries, prototypes)
        return scores
