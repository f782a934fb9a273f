"""The designed grid: both kinds of sizes, enough of them at every level, nothing beyond in the part that is fitted."""

import pytest

from costmodel.machines.operations import OPERATIONS, timed
from costmodel.machines.sizes import Size, alignments, working_size
from validation.fit.selection import LEAST_SIZES
from validation.heldout import BEYOND, held_out
from validation.measure.grid import plan

GRID = plan(timed(), ["float32", "float64"], [1, 2], "cpu", beyond=True)
TIMED = [name for name, each in timed().items() if not each.device_only]


@pytest.mark.parametrize("operation", TIMED)
def test_the_first_level_alone_makes_a_law_and_has_both_kinds_of_sizes(operation: str) -> None:
    first = {each.point.n for each in GRID if each.point.op == operation and each.level == 0}
    kept = {n for n in first if n % 3 != 2}
    assert len(kept) >= LEAST_SIZES
    assert any(n % 8 == 0 for n in kept)
    assert any(n % 8 == 1 for n in kept)


def test_only_the_last_level_lies_beyond_what_is_fitted() -> None:
    for each in GRID:
        assert (held_out(each.point) == BEYOND) == (each.level == 4)


@pytest.mark.parametrize("operation", [name for name in TIMED if not OPERATIONS[name].rectangular])
def test_beyond_is_two_to_four_times_the_largest_that_is_fitted(operation: str) -> None:
    points = [each for each in GRID if each.point.op == operation and each.point.dtype == "float32"]
    largest = max(each.point.n for each in points if not held_out(each.point))
    beyond = [each.point.n / largest for each in points if each.level == 4]
    assert 1.9 < min(beyond) <= max(beyond) < 4


def test_other_types_and_thread_counts_have_the_first_two_levels() -> None:
    for each in GRID:
        assert each.level < 2 or (each.point.dtype, each.point.threads) == ("float32", 1)


def test_a_gpu_is_timed_further_and_copies_to_it_are_timed() -> None:
    points = [each.point for each in plan(timed(), ["float32"], [1], "cuda")]
    assert max(point.n for point in points if point.op == "cholesky") == 16384
    assert {point.op for point in points} == set(timed())


def test_alignments_are_nested() -> None:
    # 4 n bytes: 512 of n = 128, 1024 of 256, 2048 of 512, 4096 of 1024
    assert alignments(384) == ("stride_512",)
    assert alignments(768) == ("stride_512", "stride_1024")
    assert alignments(1024)[-1] == "stride_4096"
    assert alignments(2048)[-1] == "stride_8192"
    assert alignments(1025) == ("not_32", "not_8", "not_4", "odd", "near_stride", "near_4096")
    assert alignments(1300) == ("not_32", "not_8")
    assert alignments(1302) == ("not_32", "not_8", "not_4")
    assert alignments(129) == ("not_32", "not_8", "not_4", "odd")  # such rows fit the cache whatever they are


def test_working_size_by_hand() -> None:
    # m by n times n by n: harmonic mean of m, n, n
    assert working_size(Size(300, 600)) == pytest.approx(3 / (2 / 300 + 1 / 600))
    assert OPERATIONS["precondition"].flops(4, 2) == 2 * 2 * 4 * (2 + 4)


def test_other_precisions_have_products_alone_and_gpus_larger_sizes() -> None:
    points = [each.point for each in plan(timed(), ["float32", "tf32", "bfloat16"], [1], "cuda")]
    products = {"gemm", "gemm_tall", "gemm_symmetric", "gemm_batched", "newton_schulz", "precondition"}
    for dtype in ("tf32", "bfloat16"):
        assert {point.op for point in points if point.dtype == dtype} == products
    assert max(point.n for point in points if (point.op, point.dtype) == ("gemm", "bfloat16")) == 16384
    assert (1152, 12) in {(point.n, point.batch) for point in points if point.op == "inv_batched"}
    assert len(points) == len(set(points))  # sizes of two lists are timed once


def test_a_gpu_is_fitted_to_four_times_the_sizes_of_a_processor() -> None:
    points = [each.point for each in plan(["gemm"], ["float32"], [1], "cuda")]
    beyond = {point.n for point in points if held_out(point, "cuda") == BEYOND}
    assert beyond == {8192, 10000, 12288, 16384}
    assert {2049, 3072, 4096, 6144} <= {point.n for point in points if not held_out(point, "cuda")}
