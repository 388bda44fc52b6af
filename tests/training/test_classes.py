"""The lesson of classes, and what training leaves out so that less is learned by heart."""

import copy
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import write_blocks
from PIL import Image

from manyhues.training import loop, registry, run
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.data.classes import TRUST, ClassLesson, class_numbers, classes
from manyhues.training.methods.features import LearningFeatures, cropped
from manyhues.training.networks.grid import GridUNet
from manyhues.training.run import train

NETWORK = "efficientnet-lite1"


def test_labels_are_classes_or_unknown() -> None:
    ids = classes()
    assert class_numbers([ids[7], "street", ids[999]]).tolist() == [7, -1, 999]


def test_caches_keep_the_class_of_every_version_of_a_picture(tmp_path: Path) -> None:
    rows = []
    for number, path in enumerate(sorted(write_blocks(tmp_path / "blocks", 6).rglob("*.png"))):
        label = classes()[100 + number] if number % 2 else "street"
        rows.append({"id": str(number), "label": label, "image": path.read_bytes()})
    with io.BytesIO() as file:  # a grey one is left out, and shifts no class
        Image.new("L", (64, 64), 90).save(file, "PNG")
        rows.insert(1, {"id": "grey", "label": classes()[0], "image": file.getvalue()})
    shards = tmp_path / "shards"
    shards.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), shards / "train-0.parquet")
    cache = Cache([build_cache(shards, tmp_path / "cache", size=64, crops=2, features=False)])
    assert len(cache) == 12
    expected = [-1, -1, 101, 101, -1, -1, 103, 103, -1, -1, 105, 105]
    held = Cache(list((tmp_path / "cache").iterdir()))
    held.hold(torch.device("cpu"))
    for each in (cache, held):
        assert each.batch(np.arange(12), features=False).label.tolist() == expected


@pytest.fixture(scope="module")
def lesson() -> ClassLesson:
    torch.manual_seed(0)
    return ClassLesson(NETWORK, 3.0)


def test_the_teacher_sees_colours_and_half_of_a_label_is_believed(lesson: ClassLesson) -> None:
    luminance = torch.full((2, 1, 64, 64), 0.2)
    ab = torch.zeros(2, 2, 64, 64)
    ab[:, 1] = 60.0  # yellow
    unknown = lesson.target(luminance, ab, torch.tensor([-1, -1]), 64)
    assert torch.allclose(unknown.sum(1), torch.ones(2), atol=1e-4)
    assert torch.equal(unknown[0], unknown[1])
    grey = lesson.target(luminance, 0 * ab, torch.tensor([-1, -1]), 64)
    assert (grey - unknown).abs().sum(1).min() > 0.1
    known = lesson.target(luminance, ab, torch.tensor([5, -1]), 64)
    assert torch.equal(known[1], unknown[1])
    expected = (1 - TRUST) * unknown[0]
    expected[5] += TRUST
    assert torch.allclose(known[0], expected, atol=1e-5)


def test_the_head_begins_as_published(lesson: ClassLesson) -> None:
    torch.manual_seed(0)
    picture = torch.rand(2, 3, 128, 128) * 2 - 1
    (teacher,) = lesson._teacher
    with torch.inference_mode():
        x = teacher.extract_features(picture)
        expected = teacher._fc(x.mean((2, 3)))
        f32 = teacher._swish(teacher._bn0(teacher._conv_stem(picture)))
        for block in teacher._blocks:
            f32 = block(f32)
        assert torch.allclose(lesson(f32), expected, atol=1e-4)
        target = torch.nn.functional.one_hot(torch.tensor([3, 8]), 1000).float()
        nats = torch.nn.functional.cross_entropy(expected, torch.tensor([3, 8]))
        assert float(lesson.nats(f32, target)) == pytest.approx(float(nats), rel=1e-4)


def test_the_teacher_is_not_stored_and_does_not_learn(lesson: ClassLesson) -> None:
    names = {name.split(".")[0] for name in lesson.state_dict()}
    assert names == {"widen", "norm", "logits"}
    assert not any(p.requires_grad for p in lesson._teacher[0].parameters())
    assert not any(module.training for module in lesson.train().modules())


def test_what_is_left_out_is_left_out_in_training_alone() -> None:
    torch.manual_seed(0)
    network = GridUNet(16, drop=0.5)
    for block in (network.down1, network.up2):  # they begin as nothing
        torch.nn.init.normal_(block.conv2.weight, std=0.1)
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    f8, f16, f32 = (torch.randn(1, c, 16 // s, 16 // s) for c, s in ((40, 1), (112, 2), (320, 4)))
    hints = torch.zeros(1, 3, 16, 16)
    condition = network.condition(torch.rand(1, 1, 64, 64), f8, f16, f32, hints)

    def field() -> torch.Tensor:
        out: torch.Tensor = network(torch.ones(1, 2, 16, 16), torch.tensor([0.5]), *condition)
        return out

    with torch.inference_mode():
        assert not torch.equal(field(), field())
        network.eval()
        assert torch.equal(field(), field())


def test_blocks_of_the_features_are_left_out_in_training_alone() -> None:
    torch.manual_seed(0)
    features = LearningFeatures(NETWORK, 2.0, drop=0.5)
    luminance = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        calm = features.eval()(luminance)
        assert all(torch.equal(a, b) for a, b in zip(calm, features(luminance), strict=True))
        first, second = features.train()(luminance), features(luminance)
        assert torch.equal(first[0], calm[0])  # below stride 8 nothing learns
        assert not torch.equal(first[2], second[2])
        twin = copy.deepcopy(features).eval()  # the average of a run is one
        assert all(torch.equal(a, b) for a, b in zip(calm, twin(luminance), strict=True))
        assert not any(isinstance(m, torch.nn.BatchNorm2d) and m.training for m in twin.modules())
    norms = [m for m in features.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)


def test_a_share_of_the_pictures_stays_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = build_cache(write_blocks(tmp_path / "p", 1), tmp_path / "c", size=64, features=False)
    batch = Cache([folder]).batch(np.zeros(200, np.int64), features=False)
    for whole in (0.25, 1.0):
        parts = cropped(batch, 0.5, whole).luminance
        same = [
            min(
                (part - batch.luminance[0]).abs().max(),
                (part.flip(-1) - batch.luminance[0]).abs().max(),
            )
            < 1e-3
            for part in parts
        ]
        assert abs(sum(same) / 200 - whole) < 0.1


def test_classes_are_learned_beside_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    monkeypatch.setattr(run, "KEPT_FROM", 0)  # small caches stay, for they are looked at below
    pictures = write_blocks(tmp_path / "pictures", 8)
    options = ["width=16", "batch_size=4", "draws=1", "drop=0.1", "classes=0.3"]
    train("joint", [pictures], tmp_path / "joint", 0.01, False, options)
    log = (tmp_path / "joint" / "log.csv").read_text()
    assert "class_nats" in log
    assert "top1" not in log  # no picture has a class to be right about
    task, _ = registry.load(tmp_path / "joint")
    published = ClassLesson(NETWORK, 3.0).logits.weight
    learned = task.get_parameter("classes.logits.weight")
    assert not torch.equal(learned, published)
    settings = {"width": "16", "classes": "0.3", "features": str(tmp_path / "joint")}
    on = registry.build("joint", registry.make_config("joint", settings))
    on.begin()
    assert torch.equal(on.get_parameter("classes.logits.weight"), learned)
