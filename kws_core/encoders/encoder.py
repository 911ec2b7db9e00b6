"""The encoder: features to embedding."""

from torch import Tensor, nn

from kws_core.encoders.trunk import Trunk


class Encoder(nn.Module):
    """Normalise each coefficient, run a trunk, project to the embedding.

    The embedding is not normalised: losses and back ends that compare angles do that themselves.
    """

    def __init__(self, trunk: Trunk, coefficients: int, embedding_dim: int) -> None:
        super().__init__()
        self.coefficients, self.embedding_dim = coefficients, embedding_dim
        self.norm = nn.BatchNorm1d(coefficients, affine=False)
        self.trunk = trunk
        self.projection = nn.Linear(trunk.channels, embedding_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Turn `features [batch, time, coeff]` into `embeddings [batch, dim]`."""
        maps = self.norm(features.transpose(1, 2))
        if not self.trunk.frequency_first:
            maps = maps.transpose(1, 2)
        embeddings: Tensor = self.projection(self.trunk(maps[:, None]))
        return embeddings
