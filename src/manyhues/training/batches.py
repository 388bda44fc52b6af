"""Which examples a step learns from: batches over all caches, cut into pieces for processes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import DataError, UsageError
from manyhues.training.data.cache import Batch, Cache
from manyhues.training.processes import Processes

Pieces = list[tuple[Batch, float]]  # a process's share of a batch, and the pieces' weights
Load = Callable[[Cache, NDArray[np.int64], bool], Batch]  # rows of a cache, mirrored or not


def batches(
    caches: Sequence[Cache],
    batch_size: int,
    *,
    held_out: int,
    processes: Processes,
    accumulate: int,
    seed: int,
    load: Load,
) -> Iterator[Pieces]:
    """Endless batches of a run; each is of one cache, drawn as often as it has examples.

    Work is equal a step: a batch of a larger working size holds fewer pictures than the
    `batch_size` of the least. `held_out` examples of the first cache, at the most, are never drawn,
    nor their like in the others. All processes draw the same batches, and each loads its own
    `accumulate` pieces of them.

    Raises:
        DataError: all examples are held out.
        UsageError: a batch is too small for so many pieces.
    """
    least = min(cache.size for cache in caches)
    sizes = [max(1, batch_size * least**2 // cache.size**2) for cache in caches]
    first = caches[0]
    held = first.shares(first.held_out(held_out))
    taught = [len(cache.taught(held)) for cache in caches]
    if not any(taught):
        raise DataError(
            f"{first.sources[0]}: too small, every example ({len(first)}) is held out to "
            "validate on; at least 3 pictures with real colour are needed"
        )
    pieces = accumulate * processes.count
    smallest = min(min(pair) for pair in zip(sizes, taught, strict=True) if all(pair))
    if pieces > smallest:
        raise UsageError(
            f"a batch of {smallest} cannot be cut into {pieces} pieces ({processes.count} for "
            f"processes x {accumulate} to accumulate); take fewer, or a larger batch_size"
        )
    streams = [
        cache.epochs(sizes[number], seed + number, held=held) for number, cache in enumerate(caches)
    ]
    generator = np.random.default_rng(seed)
    share = np.array(taught) / sum(taught)  # a cache that is held out whole is never drawn from
    while True:
        number = int(generator.choice(len(caches), p=share))
        rows = next(streams[number])
        flip = bool(generator.integers(2))
        yield [
            (load(caches[number], rows[cut], flip), weight)
            for cut, weight in processes.share(accumulate, len(rows))
        ]
