import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manyhues.errors import UsageError, WeightsError
from manyhues.training import checkpoint
from manyhues.training.data.cache import Batch, Cache, build_cache, grey_of
from manyhues.training.methods.features import Tune, TuneConfig, cropped
from manyhues.training.networks.grey import FINER_SHARES, GreyFeatures, blend_finer, network_id


def predict(task: Tune, luminance: torch.Tensor) -> torch.Tensor:
    odds: torch.Tensor = task.head(luminance, task.features(luminance))
    return odds


def test_target_shares_a_cell_among_the_four_bins_around_it() -> None:
    task = Tune(TuneConfig(width=8))
    code = torch.tensor([12.5, -25.0]).view(1, 2, 1, 1) / 25  # a 1.25 and b -2.5 bins from neutral
    shares, bins = task.head.target(code)
    centre = task.head.side // 2
    found = dict(zip(bins.flatten().tolist(), shares.flatten().tolist(), strict=True))
    expected = {
        (centre + a) * task.head.side + centre + b: share
        for a, b, share in ((1, -3, 0.375), (1, -2, 0.375), (2, -3, 0.125), (2, -2, 0.125))
    }
    assert found == expected


def test_only_what_lies_above_stride_8_is_tuned() -> None:
    task = Tune(TuneConfig(width=8)).train()
    tuned = {
        name.split(".")[2]
        for name, p in task.named_parameters()
        if p.requires_grad and name.startswith("features.blocks")
    }
    assert tuned == {str(i) for i in range(7, 21)}
    assert not task.features.training


def test_layers_in_single_precision_follow_their_copy() -> None:
    """The loop averages a copy of the model; a copy that computes with the original would lie."""
    task = Tune(TuneConfig(width=8))
    copied = copy.deepcopy(task)
    luminance = torch.rand(1, 1, 64, 64) * 2 - 1
    before = predict(copied, luminance)
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.zero_()
    assert torch.equal(predict(copied, luminance), before)
    assert not torch.equal(predict(task, luminance), before)


def test_tuned_features_are_those_of_the_run(tmp_path: Path) -> None:
    """Network, zoom and weights come from the run; the maps' sizes stay those of the grid."""
    task = Tune(TuneConfig(width=8, zoom=3.0))
    with torch.no_grad():
        task.features.blocks[-1].get_parameter("_project_conv.weight").mul_(0.5)
    facts = {"kind": "features", "config": checkpoint.config_facts(task.config)}
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, checkpoint.state_of(task), facts)
    tuned, published = GreyFeatures(tmp_path), GreyFeatures(network="efficientnet-lite1", zoom=3.0)
    grey = torch.rand(1, 1, 64, 80) * 255
    f8, f16, f32 = tuned(grey)
    assert (f8.shape, f16.shape, f32.shape) == (
        (1, 40, 16, 20),
        (1, 112, 8, 10),
        (1, 320, 4, 5),
    )
    assert torch.equal(f16, published(grey)[1])
    assert not torch.allclose(f32, published(grey)[2])
    assert network_id(tmp_path) != network_id()
    # A picture that is larger than the working size is seen as it is, for maps of the same sizes.
    near = torch.rand(1, 1, 128, 160) * 255
    for seen, plain in zip(tuned(near, (64, 80)), (f8, f16, f32), strict=True):
        assert seen.shape == plain.shape
    blurred = torch.nn.functional.avg_pool2d(near, 2)
    assert not torch.allclose(tuned(near, (64, 80))[0], tuned(blurred)[0], atol=0.1)


def test_large_pictures_are_cached_close_up(tmp_path: Path) -> None:
    """Those of twice the working size, by tuned features; their L* and colours stay as they are."""
    task = Tune(TuneConfig(width=8, zoom=3.0))
    facts = {"kind": "features", "config": checkpoint.config_facts(task.config)}
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, checkpoint.state_of(task), facts)
    random = np.random.default_rng(0)
    large, small = tmp_path / "large", tmp_path / "small"  # test_recover.py has the runtime's word
    for folder, side in ((large, 128), (small, 96)):
        folder.mkdir()
        rgb = random.integers(0, 256, (side // 2, side // 2, 3), np.uint8).repeat(2, 0).repeat(2, 1)
        Image.fromarray(rgb).save(folder / "a.png")

    def batch(source: Path, tuned: Path | None) -> Batch:
        cache = Cache([build_cache(source, tmp_path / "cache", size=64, tuned=tuned)])
        return cache.batch(np.arange(1))

    features = GreyFeatures(tmp_path)
    for source in (large, small):
        ours, plain = batch(source, tmp_path), batch(source, None)
        assert torch.allclose(ours.luminance, plain.luminance, atol=0.02)
        assert torch.allclose(ours.ab, plain.ab, atol=2)
        grey = torch.from_numpy(grey_of((ours.luminance.numpy() + 1) * 50))
        own = features(grey)[2]
        assert torch.allclose(ours.f32, own, atol=0.3) == (source == small)


def test_finer_maps_are_averaged_in() -> None:
    own = [torch.zeros(1, 1, 2, 2) for _ in FINER_SHARES]
    fine = [torch.arange(16.0).reshape(1, 1, 4, 4) for _ in FINER_SHARES]
    for share, part in zip(FINER_SHARES, blend_finer(own, fine), strict=True):
        assert torch.allclose(part, share * torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]]))


def test_a_zoom_that_no_graph_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match=r"zoom=2\.2: take a multiple of 0\.25"):
        GreyFeatures(zoom=2.2)


def test_a_run_that_does_not_say_its_network_is_refused(tmp_path: Path) -> None:
    facts = {"kind": "features", "config": {"width": 8}}
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, {"a": torch.zeros(1)}, facts)
    with pytest.raises(WeightsError, match=r"no `features` run.*train it again"):
        GreyFeatures(tmp_path)


def test_parts_of_pictures_stay_in_register_and_half_are_whole() -> None:
    torch.manual_seed(0)
    across, down = torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 48)[:, None]
    luminance = (0.5 * across + 0.4 * down).expand(200, 1, 48, 32)
    nothing = torch.empty(0)
    batch = Batch(luminance, 50 * luminance.repeat(1, 2, 1, 1), nothing, nothing, nothing)
    parts = cropped(batch, 0.6)
    inside = (..., slice(3, -3), slice(3, -3))  # past the border a reflection is not a plane
    same = parts.luminance[inside].expand(-1, 2, -1, -1)
    assert torch.allclose(parts.ab[inside], 50 * same, atol=1e-3)
    slope_across = (parts.luminance[:, 0, 20, 20] - parts.luminance[:, 0, 20, 10]) / 10 * 31
    slope_down = (parts.luminance[:, 0, 30, 20] - parts.luminance[:, 0, 10, 20]) / 20 * 47
    assert 70 < (slope_across > 0).sum() < 130  # some are mirrored
    widths, heights = slope_across.abs(), slope_down
    whole = (widths - 1).abs() < 1e-3
    assert 70 < whole.sum() < 130
    assert torch.allclose(heights[whole], torch.tensor(0.8), atol=1e-3)
    assert 0.58 < widths.min() < 0.7
    assert 0.58 * 0.8 < heights.min() < 0.7 * 0.8
    assert not torch.allclose(widths * 0.8, heights, atol=0.05)  # stretched too


def test_a_start_is_kept_in_part(tmp_path: Path) -> None:
    first = Tune(TuneConfig(width=8))
    published = first.features.get_parameter("blocks.20._project_conv.weight").detach().clone()
    with torch.no_grad():
        first.features.get_parameter("blocks.20._project_conv.weight").add_(1.0)
        first.get_parameter("head.logits.bias").fill_(3.0)
    facts = {"kind": "features", "config": checkpoint.config_facts(first.config)}
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, checkpoint.state_of(first), facts)
    second = Tune(TuneConfig(width=8, start=str(tmp_path), keep=0.25))
    second.begin()
    moved = second.features.get_parameter("blocks.20._project_conv.weight")
    assert torch.allclose(moved, published + 0.25, atol=1e-5)
    assert second.get_parameter("head.logits.bias").eq(3.0).all()
