"""What is asked of a run is judged before anything is read, built or left behind."""

import errno
import os
from pathlib import Path

import pytest
import torch
from conftest import write_blocks

from manyhues.errors import DataError, OutputError, TrainingError, UsageError
from manyhues.training import checkpoint, registry
from manyhues.training.methods.cvae import Cvae, CvaeConfig
from manyhues.training.run import train


@pytest.mark.parametrize(
    ("kind", "key", "text", "expected"),
    [
        ("mean", "learning_rate", "fast", "a number, 0 or more"),
        ("mean", "learning_rate", "-1", "a number, 0 or more"),
        ("mean", "learning_rate", "NaN", "a number, 0 or more"),
        ("mean", "learning_rate", "Infinity", "a number, 0 or more"),
        ("mean", "learning_rate", "null", "a number, 0 or more"),
        ("mean", "learning_rate", "true", "a number, 0 or more"),
        ("mean", "batch_size", "1.5", "a whole number, 1 or more"),
        ("vae", "code", "0", "a whole number, 1 or more"),
        ("vae", "code", "[1, 2]", "a whole number, 1 or more"),
        ("mdn", "winner_takes_all", "1", "true or false"),
        ("preference", "beta", "[1, false]", r"numbers, such as \[75.0, 250.0\]"),
    ],
)
def test_a_setting_of_another_kind(kind: str, key: str, text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=f"^{key}=.*: expected {expected}$"):
        registry.make_config(kind, {key: text})


def test_settings_that_are_right() -> None:
    given = {"beta": "[1, 2.5]", "batch_size": "8", "start": "1", "stay": "0"}
    config = registry.make_config("preference", given)
    assert (config.beta, config.batch_size, config.start) == ((1, 2.5), 8, "1")
    assert registry.make_config("mdn", {"winner_takes_all": "true"}).winner_takes_all is True


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("mdn", [], "add --set vae=runs/NAME"),
        ("preference", [], "add --set start=runs/NAME"),
        ("flow", ["width=16", "start={run}"], "no `flow` run of a width of 16"),
        ("mean", ["width=10"], "width=10: no network can be made so"),
    ],
)
def test_a_run_that_cannot_begin_reads_no_picture(
    kind: str, options: list[str], said: str, tmp_path: Path
) -> None:
    """It would be told of the pictures that are not there, after an hour of reading them."""
    task = Cvae(CvaeConfig())
    facts = {"kind": "cvae", "config": checkpoint.config_facts(task.config)}
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, checkpoint.state_of(task), facts)
    options = [option.format(run=tmp_path) for option in options]
    with pytest.raises(UsageError, match=said):
        train(kind, [tmp_path / "absent"], tmp_path / "run", 0.01, False, options)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_kind_is_not_resumed_and_reads_no_picture(tmp_path: Path) -> None:
    task = Cvae(CvaeConfig())
    facts = {"kind": "cvae", "config": checkpoint.config_facts(task.config)}
    checkpoint.write_tensors(tmp_path / checkpoint.RESUME, checkpoint.state_of(task), facts)
    absent = tmp_path / "absent"
    with pytest.raises(TrainingError, match="holds a `cvae` run that differs in kind; use another"):
        train("vae", [absent], tmp_path, 0.01, True, [])
    with pytest.raises(TrainingError, match="that differs in kl; use another"):
        train("cvae", [absent], tmp_path, 0.01, True, ["kl=1"])
    with pytest.raises(DataError, match="no such file or folder"):
        train("cvae", [absent], tmp_path / "new", 0.01, False, [])
    assert not (tmp_path / "new").exists()


def test_a_disk_without_room_for_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing on would be the end of the process, by a signal."""
    folder = write_blocks(tmp_path / "pictures", 8)

    def full(descriptor: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, os.fstat(descriptor).st_size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    said = r"cache: the pictures that are read cannot be kept there \(No space left on device\)"
    with pytest.raises(OutputError, match=said):
        train("vae", [folder], tmp_path / "runs" / "vae", 0.01, False, [])
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_checkpoint_may_be_read_by_whom_other_files_may(tmp_path: Path) -> None:
    checkpoint.write_tensors(tmp_path / checkpoint.MODEL, {"a": torch.zeros(2)}, {})
    (tmp_path / "other").touch()
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes[checkpoint.MODEL] == modes["other"]
