"""Which sizes are timed: aligned ones, n = d + 1 beside them, and sizes of every other alignment.

Points have levels: a small budget takes the first levels, which already span the range; later levels fill it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from costmodel.machines.operations import OPERATIONS, Operation
from costmodel.machines.sizes import Size
from validation.measure.timings import Point

_Item = TypeVar("_Item")
#: Orders of square matrices by level. Multiples of 8, their neighbours n = d + 1, and rests of 4, 2 and 1.
_SQUARE: Final[Sequence[Sequence[int]]] = (
    (16, 33, 64, 96, 129, 192, 256, 300, 385, 513, 640, 768, 769, 1000, 1024, 1025, 1281, 1500, 1536, 1537),
    (24, 48, 49, 97, 100, 128, 160, 193, 250, 257, 320, 384, 450, 512, 577, 700, 897, 1100, 1280, 1375),
    (40, 65, 80, 112, 144, 150, 175, 225, 288, 321, 352, 418, 449, 480, 544, 576, 600, 641, 705, 750, 832, 896, 960),
    (32, 72, 130, 161, 224, 350, 420, 500, 650, 721, 833, 1050, 1152, 1153, 1344, 1345, 1408, 1409, 1422, 1600, 1664),
)
#: Rows and columns of rectangular matrices by level.
_RECTANGULAR: Final[Sequence[Sequence[tuple[int, int]]]] = (
    ((64, 64), (512, 64), (4096, 65), (256, 129), (2048, 129), (300, 300), (1024, 256), (2048, 385), (128, 513),
     (1024, 513), (512, 769), (2048, 768), (256, 1024), (1024, 1025), (10, 513), (128, 1536), (1000, 1281)),
    ((128, 33), (8192, 28), (1024, 97), (64, 256), (8192, 144), (4096, 256), (64, 768), (1024, 577), (512, 1000),
     (4096, 577), (32, 1537), (128, 1153)),
    ((16, 16), (2048, 48), (512, 150), (300, 193), (6272, 301), (500, 418), (2048, 640), (700, 700), (96, 960),
     (784, 1024)),
    ((3136, 65), (788, 257), (197, 449), (512, 512), (1576, 641), (256, 833), (640, 896), (1000, 1100)),
)  # fmt: skip
#: Order and number of batched matrices by level.
_BATCHED: Final[Sequence[Sequence[tuple[int, int]]]] = (
    ((16, 4), (16, 64), (33, 16), (64, 4), (64, 32), (96, 8), (129, 16), (160, 4)),
    ((24, 16), (48, 64), (97, 4), (100, 16), (144, 8), (192, 8), (256, 4), (300, 4)),
    ((40, 8), (81, 16), (112, 16), (132, 4), (208, 4), (258, 4), (289, 8)),
    ((32, 16), (65, 8), (80, 16), (128, 8), (161, 8), (224, 4), (257, 8), (320, 4)),
)
#: Two to four times the largest size of a default grid: held out, to score extrapolation.
_BEYOND: Final = (3073, 3400, 4000)
_BEYOND_EIGH: Final = (2305, 2600, 3000)
_BEYOND_RECTANGULAR: Final = ((64, 3200), (512, 3200), (1024, 3073), (256, 4097))
_BEYOND_BATCHED: Final = ((640, 4), (769, 2), (1000, 2))
_BEYOND_MEMORY: Final = (9300, 12000)
#: Element-wise work is cheap, and only large matrices leave the caches: it is timed further by level.
_MEMORY: Final[Sequence[Sequence[int]]] = (
    (2048, 2400, 3073, 4096),
    (1793, 2305, 2752, 3648),
    (2100, 4608),
    (3200, 4097),
)
#: Most FLOPs of one call on a processor; a GPU does this in a millisecond, and its grid goes on.
_MOST_FLOPS: Final = 3.5e10
#: What a GPU is timed on besides. The last sizes of each level lie beyond what is fitted, to score extrapolation.
_GPU_SQUARE: Final[Sequence[Sequence[int]]] = (
    (2048, 2049, 3072, 4096, 4097, 6144, 8192),
    (1792, 2305, 2560, 3073, 3600, 5000, 10000, 16384),
    (2700, 3500, 4608, 5401, 12288),
)
_GPU_RECTANGULAR: Final[Sequence[Sequence[tuple[int, int]]]] = (
    ((12608, 385), (1024, 2049), (4096, 1537), (1024, 4096), (4096, 8192)),
    ((12608, 1537), (1024, 3000), (16384, 1024), (4096, 2304), (32768, 769)),
)
_GPU_BATCHED: Final[Sequence[Sequence[tuple[int, int]]]] = (((385, 12), (513, 6), (1152, 12)), ((768, 24), (1537, 12)))
#: Largest size of a GPU over that of a processor, as a factor on :attr:`Operation.largest`.
_GPU_SCALE: Final = 10
#: Element types that a GPU has beside float32 and float64, for products alone.
PRODUCT_DTYPES: Final = ("tf32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Planned:
    """A point with its level and its place in the level: lower ones are measured first."""

    point: Point
    level: int
    place: int = 0


def plan(
    operations: Iterable[str], dtypes: Sequence[str], threads: Sequence[int], device: str, *, beyond: bool = False
) -> list[Planned]:
    """Every point of the grid.

    Args:
        operations: Names.
        dtypes: The first has all levels; others the first two, which show a ratio; those of
            :data:`PRODUCT_DTYPES` have products alone.
        threads: Thread counts; the first has all levels, others the first two.
        device: ``cpu`` or ``cuda``; a GPU is also timed on larger sizes.
        beyond: Add sizes two to four times larger, which a fit never reads; a GPU's grid has them.
    """
    found = []
    for op in (OPERATIONS[name] for name in operations):
        if op.device_only and device == "cpu":
            continue
        for first_dtype, dtype in ((each == dtypes[0], each) for each in dtypes):
            if dtype in PRODUCT_DTYPES and not op.is_product:
                continue
            for first_count, count in ((each == threads[0], each) for each in threads):
                levels = 4 if first_dtype and first_count else 2
                for place, (level, size) in enumerate(_sizes(op, levels, device, beyond and levels == 4)):
                    found.append(Planned(Point(op.name, dtype, count, size.n, size.m, size.batch), level, place))
    return found


def _sizes(op: Operation, levels: int, device: str, beyond: bool) -> list[tuple[int, Size]]:
    gpu = device == "cuda"
    found: list[tuple[int, Size]] = []
    seen: set[Size] = set()  # a GPU's sizes are partly those of element-wise work
    for level in range(levels):
        for n, m, batch in _level(op, level, gpu=gpu):
            size = Size(n, m, batch)
            if size in seen:
                continue
            seen.add(size)
            if n <= op.largest * (_GPU_SCALE if gpu else 1) and (gpu or op.flops(n, m) * batch <= _MOST_FLOPS):
                found.append((level, size))
    return found + ([(levels, size) for size in _larger(op)] if beyond and not gpu else [])


def _level(op: Operation, level: int, *, gpu: bool) -> list[tuple[int, int, int]]:
    """Order or columns, rows and batch of a level's sizes."""

    def more(sizes: Sequence[Sequence[_Item]]) -> list[_Item]:
        return list(sizes[level]) if gpu and level < len(sizes) else []

    if op.batched:
        return [(n, n, batch) for n, batch in [*_BATCHED[level], *more(_GPU_BATCHED)]]
    if op.rectangular:
        return [(n, m, 1) for m, n in [*_RECTANGULAR[level], *more(_GPU_RECTANGULAR)]]
    memory = [] if op.flops(2, 2) else list(_MEMORY[level])
    # Sizes of both lists are timed once.
    return [(n, n, 1) for n in (*_SQUARE[level], *memory, *more(_GPU_SQUARE))]


def _larger(op: Operation) -> list[Size]:
    if op.batched:
        return [Size(n, n, batch) for n, batch in _BEYOND_BATCHED]
    if op.rectangular:
        return [Size(n, m) for m, n in _BEYOND_RECTANGULAR]
    if not op.flops(2, 2):
        return [Size(n, n) for n in _BEYOND_MEMORY]
    return [Size(n, n) for n in (_BEYOND_EIGH if op.name == "eigh" else _BEYOND)]
