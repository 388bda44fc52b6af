"""One process or several: the device, and what processes of one run tell one another.

Alone, everything here does nothing. Under ``torchrun`` the same loop runs in every process: each
takes its share of every batch, `DistributedDataParallel` averages the gradients, and the first
process decides, writes and reports for all.
"""

import contextlib
import gc
import inspect
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn

# The first process computes the features of a new data set while the others wait.
_PATIENCE = timedelta(hours=6)


def pick_device() -> torch.device:
    """This process's GPU where there is one, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def mixed_precision(device: torch.device, **options: Any) -> torch.autocast:
    """bfloat16 for what bears it, wherever the device computes it natively; weights stay float32.

    Its exponents are float32's, so losses need no scaling. What would emulate it computes in
    float32: GPUs before Ampere, and CPUs without AVX-512 (a convolution takes eight times as long).
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=native, **options)


@dataclass
class Processes:
    """This process among the `count` of a run; rank 0 is the first."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _stopping: bool = False

    @property
    def first(self) -> bool:
        """Whether this process writes and reports for all."""
        return self.rank == 0

    def share(self, parts: int, count: int) -> list[tuple[slice, float]]:
        """This process's pieces of a batch of `count` rows, and the weight of each in its loss.

        The batch is cut into `parts` pieces a process. Gradients are averaged over processes, so
        weights of one process sum to `count` times its share: the sum is the batch's mean loss
        whatever the cut.
        """
        pieces = parts * self.count
        edges = [count * i // pieces for i in range(pieces + 1)]
        mine = range(self.rank * parts, (self.rank + 1) * parts)
        cuts = [slice(edges[i], edges[i + 1]) for i in mine]
        return [(cut, (cut.stop - cut.start) * self.count / count) for cut in cuts]

    def wrap(self, module: nn.Module, *, partial: bool) -> nn.Module:
        """`module` with gradients averaged over all processes, and the first one's weights.

        `partial`: a loss may leave parameters without gradient (adversaries take turns).
        """
        if self.count == 1:
            return module
        parallel = nn.parallel.DistributedDataParallel
        # Buffers stay local: running statistics are the first process's, of its share. To send
        # them with every pass would change them between an adversary's two. 2.13 renames it.
        names = inspect.signature(parallel).parameters
        sync = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
        options: dict[str, Any] = {sync: False, "find_unused_parameters": partial}
        return parallel(module, **options)

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Means over processes, of the same names in each."""
        if self.count == 1:
            return values
        tensor = torch.tensor(list(values.values()), dtype=torch.float32, device=self.device)
        distributed.all_reduce(tensor)
        return dict(zip(values, (tensor / self.count).tolist(), strict=True))

    def agree(self, seconds: float) -> float:
        """The first process's clock for all, so that all stop and report at the same step.

        Raises `KeyboardInterrupt` in every process once `request_stop` was called in any.
        """
        if self.count == 1:
            return seconds
        told = [seconds if self.first else 0.0, float(self._stopping)]
        tensor = torch.tensor(told, dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        seconds, stopping = tensor.tolist()
        if stopping:
            raise KeyboardInterrupt
        return float(seconds)

    def request_stop(self, *_: object) -> None:
        """A signal handler: stop after this step, in all processes together."""
        self._stopping = True

    def handle_signals(self) -> None:
        """A polite kill saves the run as Ctrl-C does; several processes stop together."""
        if self.count == 1:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.request_stop)

    @contextlib.contextmanager
    def first_on_each_machine(self) -> Iterator[None]:
        """The body runs in one process of each machine first, then in the others."""
        waits = self.count > 1 and int(os.environ.get("LOCAL_RANK", "0")) > 0
        if waits:
            distributed.barrier()
        yield
        if self.count > 1 and not waits:
            distributed.barrier()


@contextlib.contextmanager
def join() -> Iterator[Processes]:
    """The processes that ``torchrun`` started, for the time of the body; or this one alone.

    NCCL between GPUs, gloo between CPUs.
    """
    device = pick_device()
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Processes(device=device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        timeout=_PATIENCE,
        device_id=device if device.type == "cuda" else None,
    )
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), device)
        distributed.barrier()  # nobody takes the group apart while another still works
    finally:
        gc.collect()  # a parallel module that outlives its group may abort the process at its end
        distributed.destroy_process_group()
