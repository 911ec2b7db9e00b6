"""AAM-softmax (ArcFace): softmax over scaled cosines with an additive angular margin."""

import math

import torch
from torch import Tensor

from kws_core.losses.normalised_softmax import MarginSoftmax


class AAMSoftmax(MarginSoftmax):
    """AM-softmax with cos(t_y + m) in place of cos(t_y) - m, where t_y is the angle to the right class; m in radians.

    Beyond t_y = pi - m, where cos(t_y + m) would rise again, cos(t_y) - m sin(m) goes on falling.
    Source: Deng et al. 2019, ArcFace, equation 3 and the authors' treatment of large angles.
    """

    def handicap(self, cosines: Tensor) -> Tensor:
        """`cos(t + m)` up to `t = pi - m`, `cos(t) - m sin(m)` beyond."""
        # the slope of the root is infinite at cosines of -1 and 1
        sines = (1 - cosines**2).clamp(min=torch.finfo(cosines.dtype).eps).sqrt()
        turned = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        return torch.where(cosines >= -math.cos(self.margin), turned, cosines - self.margin * math.sin(self.margin))
