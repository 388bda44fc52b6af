"""Grey as old film saw it: what training pictures are shown as, so that such photographs are known.

Training pictures are grey versions of colour photographs: L* of modern cameras. The photographs
that people want coloured were taken on film that saw blue and no red (orthochromatic), printed
hard or faded, soft and grainy. The colours to learn stay those of the scene.

The same mathematics as color.py, for tensors on any device. A test holds the two together.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from manyhues.color.lab import LINEAR_TO_LUMINANCE, XYZN_TO_LINEAR

# Shares of linear red, green and blue that a film answers to.
FILMS = (
    (0.05, 0.50, 0.45),  # orthochromatic
    (0.00, 0.15, 0.85),  # blue-sensitive: plates before 1880, and many after
    (0.60, 0.30, 0.10),  # panchromatic under a lamp, or behind a filter
)
TONE = 0.25  # deviation of the logarithm of gamma and of contrast
FADE = 20.0  # L* at most that black has risen and white has fallen by
GRAIN = 4.0  # L* at most, its deviation at the size that is filmed


def unclipped(luminance: Tensor, ab: Tensor) -> Tensor:
    """L* (B, 1, h, w) and a, b (B, 2, h, w) to linear RGB (B, 3, h, w); in gamut it is in 0..1."""
    y = (luminance + 16) / 116
    f = torch.cat([y + ab[:, :1] / 500, y, y - ab[:, 1:] / 200], 1)
    xyz = torch.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return torch.einsum("rc,bchw->brhw", torch.tensor(XYZN_TO_LINEAR).to(xyz), xyz)


def linear(luminance: Tensor, ab: Tensor) -> Tensor:
    """L* (B, 1, h, w) and a, b (B, 2, h, w) to linear RGB (B, 3, h, w), clipped to 0..1."""
    return unclipped(luminance, ab).clamp(0, 1)


def srgb(light: Tensor) -> Tensor:
    """Linear RGB to sRGB, both in 0..1."""
    curved = 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light > 0.0031308, curved, 12.92 * light)


def luminance_of(light: Tensor) -> Tensor:
    """Relative luminance in 0..1 to L*."""
    light = light.clamp(0, 1)
    root = light.clamp_min((6 / 29) ** 3) ** (1 / 3)
    low = light / (3 * (6 / 29) ** 2) + 4 / 29
    return 116 * torch.where(light > (6 / 29) ** 3, root, low) - 16


def filmed(
    luminance: Tensor, ab: Tensor, share: float, generator: torch.Generator | None = None
) -> Tensor:
    """L*/50 - 1 (B, 1, h, w) of pictures with colours `ab` in Lab, a `share` of them as on film.

    Each filmed picture has a response between the eye's and a film's, a gamma, a contrast about
    its mean, faded blacks and whites, and by chance a soft lens and grain. On the CPU where a
    `generator` is given.
    """
    if not share:
        return luminance.float()
    count, device = len(luminance), luminance.device

    def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
        drawn = torch.rand(count, 1, 1, 1, device=device, generator=generator)
        return low + (high - low) * drawn

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    with torch.autocast(device.type, enabled=False):
        true = 50 * (luminance.float() + 1)
        films = torch.tensor(FILMS, device=device)
        film = films[torch.randint(len(FILMS), (count,), device=device, generator=generator)]
        film = torch.lerp(torch.tensor(LINEAR_TO_LUMINANCE).to(film), film, uniform()[:, :, 0, 0])
        grey = luminance_of(torch.einsum("bc,bchw->bhw", film, linear(true, ab.float()))[:, None])

        grey = 100 * (grey / 100).clamp(0, 1) ** (TONE * normal(count, 1, 1, 1)).exp()
        middle = grey.mean((1, 2, 3), keepdim=True)
        grey = (middle + (grey - middle) * (TONE * normal(count, 1, 1, 1)).exp()).clamp(0, 100)
        black, white = uniform(0, FADE).square() / FADE, 100 - uniform(0, FADE).square() / FADE
        grey = black + grey / 100 * (white - black)

        soft = F.avg_pool2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), 3, 1)
        grey = torch.where(uniform() < 0.5, torch.lerp(grey, soft, uniform(0, 0.6)), grey)
        grain = torch.where(uniform() < 0.5, uniform(0, GRAIN), 0.0)
        grey = (grey + grain * normal(*grey.shape)).clamp(0, 100)
        return torch.where(uniform() < share, grey / 50 - 1, luminance.float())
