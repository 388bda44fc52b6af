"""The decoder losses of the paper (section 3.1), on colour fields in units of Lab / 128.

A colour field is (B, 2, H, W). Every loss is summed over the pixels of a picture and averaged
over the batch, so that each weighs against the KL term in nats as the paper has it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyhues.color.lab import rgb_to_lab
from manyhues.errors import DataError

AB_SCALE = 128.0  # Lab units to network units
BIN = 10.0  # side of a quantisation bin of a, b, in Lab units (Zhang et al. 2016)
_HALF = 11  # bins on either side of neutral: a, b up to +-115
_SIDE = 2 * _HALF + 1


@dataclass(frozen=True)
class PrincipalComponents:
    """Mean field (D), the leading directions (K, D) and their variances (K), D = 2 H W."""

    mean: Tensor
    directions: Tensor
    variances: Tensor

    @classmethod
    def fit(cls, fields: Tensor, count: int = 20) -> "PrincipalComponents":
        """Fit to colour fields (N, 2, H, W) in network units by randomised SVD.

        Raises `DataError` when there are fewer fields than components.
        """
        if len(fields) <= count:
            raise DataError(
                f"too few coloured pictures ({len(fields)}) for {count} principal components; "
                f"give a training set of more than {count}"
            )
        flat = fields.flatten(1)
        mean = flat.mean(0)
        torch.manual_seed(0)
        _, values, directions = torch.svd_lowrank(
            flat - mean, q=min(count + 10, len(flat)), niter=3
        )
        return cls(mean, directions[:, :count].T.contiguous(), values[:count] ** 2 / len(flat))

    def residual(self, fields: Tensor) -> Tensor:
        """What the components leave of fields (B, 2, H, W): the same shape."""
        flat = fields.flatten(1) - self.mean
        return (flat - (flat @ self.directions.T) @ self.directions).view_as(fields)


def specificity(error: Tensor, components: PrincipalComponents) -> Tensor:
    """Mahalanobis distance on the principal components (paper, section 3.1: specificity).

    Each squared coefficient of the error is divided by its component's variance; what lies off
    the components is divided by the variance of the last one.
    """
    flat = error.flatten(1)
    coefficients = flat @ components.directions.T
    on = (coefficients**2 / components.variances).sum(1)
    off = (flat**2).sum(1) - (coefficients**2).sum(1)
    return (on + off.clamp_min(0.0) / components.variances[-1]).mean()


def _bins(ab: Tensor) -> Tensor:
    """Bin number of each pixel: (B, 2, H, W) in Lab units to (B, H, W)."""
    index = (ab / BIN).round().clamp(-_HALF, _HALF).long() + _HALF
    return index[:, 0] * _SIDE + index[:, 1]


def in_gamut_bins() -> NDArray[np.bool_]:
    """Which bins sRGB reaches: (23 * 23,)."""
    steps = np.linspace(0.0, 1.0, 64)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = torch.from_numpy(rgb_to_lab(cube)[:, 1:]).T.reshape(1, 2, 1, -1)
    reached = np.zeros(_SIDE * _SIDE, bool)
    reached[np.unique(_bins(lab).numpy())] = True
    return reached


def rarity_weights(ab: Tensor, mix: float = 0.5, blur: float = 0.5) -> Tensor:
    """Weight of each a, b bin: the smoothed inverse of its frequency in `ab` (N, 2, H, W), Lab.

    w = ((1 - mix) p + mix / Q)^-1, scaled so that the mean weight of a training pixel is 1
    (Zhang et al. 2016, class rebalancing; the plain inverse spans eight orders of magnitude).
    `blur` is the width, in bins, of the Gaussian that smooths p.
    """
    counts = torch.bincount(_bins(ab).flatten(), minlength=_SIDE * _SIDE).float()
    raw = counts / counts.sum()
    offsets = torch.arange(-2, 3)
    kernel = torch.exp(-(offsets.float() ** 2) / (2 * blur**2))
    kernel2 = (kernel[:, None] * kernel)[None, None] / kernel.sum() ** 2
    smooth = torch.nn.functional.conv2d(raw.view(1, 1, _SIDE, _SIDE), kernel2, padding=2).flatten()
    quantity = float(in_gamut_bins().sum())
    weights = 1.0 / ((1.0 - mix) * smooth + mix / quantity)
    return weights / (raw * weights).sum()


def pixel_weights(ab: Tensor, weights: Tensor) -> Tensor:
    """The rarity weight of every pixel of `ab` (B, 2, H, W) in Lab units: (B, 1, H, W)."""
    return weights[_bins(ab)][:, None]


def colourfulness(error: Tensor, target_ab: Tensor, weights: Tensor) -> Tensor:
    """Squared error weighted by the rarity of the true colour (paper: colourfulness).

    `error` in network units, `target_ab` in Lab units.
    """
    return (pixel_weights(target_ab, weights) * error**2).sum((1, 2, 3)).mean()


def squared(error: Tensor) -> Tensor:
    """Plain squared error."""
    return (error**2).sum((1, 2, 3)).mean()


def gradient(output: Tensor, target: Tensor) -> Tensor:
    """Norm of the difference of horizontal and of vertical gradients (paper: gradient)."""
    error = output - target
    across = error[..., :, 1:] - error[..., :, :-1]
    down = error[..., 1:, :] - error[..., :-1, :]
    return ((across**2).sum((1, 2, 3)) + (down**2).sum((1, 2, 3)) + 1e-8).sqrt().mean()


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) in nats, averaged over the batch; (B, K) each."""
    return 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
