import torch

from manyhues.training.tune import Tune, TuneConfig


def test_target_shares_a_cell_among_the_four_bins_around_it() -> None:
    task = Tune(TuneConfig(width=8))
    code = torch.tensor([12.5, -25.0]).view(1, 2, 1, 1) / 25  # a 1.25 and b -2.5 bins from neutral
    shares, bins = task.target(code)
    centre = task.side // 2
    found = dict(zip(bins.flatten().tolist(), shares.flatten().tolist(), strict=True))
    expected = {
        (centre + a) * task.side + centre + b: share
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
    assert tuned == {str(i) for i in range(5, 16)}
    assert not task.features.training
