"""Letters stand for sympy's symbols wherever something is calculated with them."""

import subprocess
import sys

import pytest
import sympy as sp

from costmodel.quantities.algebra import Letter
from costmodel.quantities.symbols import k, n

N, K = sp.Symbol("n", positive=True), sp.Symbol("k", positive=True)


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (n + k, N + K),
        (1 + n, 1 + N),
        (n + 1, N + 1),
        (n - k, N - K),
        (1 - n, 1 - N),
        (n * k, N * K),
        (2 * n, 2 * N),
        (n / k, N / K),
        (1 / n, 1 / N),
        (n**k, N**K),
        (2**n, 2**N),
        (-n, -N),
        (N + n, 2 * N),
        (sp.Rational(1, 3) * n, N / 3),
        (sp.sqrt(n), sp.sqrt(N)),
        (sp.Max(n, k, evaluate=False), sp.Max(N, K)),
        ((N**2).subs(n, k), K**2),
        (sp.diff(N**2, n), 2 * N),
    ],
)
def test_letters_calculate_as_symbols_do(ours: sp.Expr, expected: sp.Expr) -> None:
    assert ours == expected


def test_a_letter_reads_as_itself() -> None:
    assert (str(n), repr(n), Letter("n").symbol) == ("n", "n", N)


@pytest.mark.parametrize("arguments", [["project", "mlp"], ["project", "mlp", "--format", "json"], ["counts", "mlp"]])
def test_numbers_need_no_sympy(arguments: list[str]) -> None:
    """Importing sympy takes longer than everything else a projection does; pandas is for notebooks."""
    program = (
        "import sys; from costmodel.cli import main\n"
        f"sys.argv = ['costmodel', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'sympy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert output.splitlines()[-1] == "[]"
