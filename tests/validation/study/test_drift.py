"""Drift of inverses: its definitions on matrices that were moved by hand, and a short run that is resumed."""

import json

import pytest
import torch

pytest.importorskip("sklearn")
pytest.importorskip("datamol")

from validation.study import drift


def inverse(values, basis, damping=1.0):
    factor = basis * torch.tensor(values, dtype=torch.float64) @ basis.mT
    return drift.Inverse.of(factor, factor + damping * torch.eye(len(values), dtype=torch.float64))


def test_what_a_start_leaves_by_hand():
    """Eigenvalues 3, 1, 0 and a damping of 1; then of 2 in the second mode: inverses 1/4, 1/2, 1 become 1/4, 1/3, 1."""
    basis = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).Q
    old, new = inverse([3.0, 1.0, 0.0], basis), inverse([3.0, 2.0, 0.0], basis)
    found = drift.moved(new, old, basis[:, 1:2])
    exact = torch.tensor([1 / 4, 1 / 3, 1.0]).double()
    assert found["last"]["inverse"] == pytest.approx(float((1 / 6) / exact.norm()))
    power = 3 * exact[0] ** 2 + 2 * exact[1] ** 2  # gradients have the covariance of the factor
    assert found["last"]["direction"] == pytest.approx(float(2**0.5 / 6 / power**0.5))
    assert found["last"]["gradient"] == pytest.approx((1 / 6) / (1 / 3))
    run = drift.RUNS.index(1.0)
    left = torch.exp(torch.tensor(-3.0)) * 2**0.5 / 6 / power**0.5  # the second mode is three times the damping
    assert found["last"]["left"][run] == pytest.approx(float(left))
    assert found["rest"]["inverse"] == found["rest"]["direction"] == pytest.approx(1)
    assert found["known"]["direction"] == pytest.approx(found["last"]["direction"])  # damping stayed
    products = torch.tensor([1.0, 3 / 2, 1.0])
    assert found["gain"] == pytest.approx(float(products.sum() / (products**2).sum()))


def test_an_inverse_that_only_grew_fits():
    basis = torch.eye(4, dtype=torch.float64)
    old, new = inverse([3.0, 1.0, 0.5, 0.0], basis, 2.0), inverse([1.5, 0.5, 0.25, 0.0], basis)
    found = drift.moved(new, old, basis)
    assert found["last"]["inverse"] == pytest.approx(0.5)
    assert found["gain"] == pytest.approx(2)
    assert found["scaled"]["inverse"] == pytest.approx(0, abs=1e-12)
    assert found["known"]["inverse"] == pytest.approx(0, abs=1e-12)


def test_runs_on_file_are_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "STEPS", 23)
    monkeypatch.setattr(drift, "LOOKS", (10, 20))
    monkeypatch.setattr(drift, "INTERVALS", ((10, 5),))
    out = tmp_path / "drift.jsonl"
    for _ in range(2):
        drift.main(["--out", str(out), "--tasks", "mlp"])
    runs = [json.loads(line) for line in out.read_text().splitlines()]
    assert [run["key"] for run in runs] == ["mlp/10/5/0.95/1", "mlp/30/1/0.8/1", "mlp/30/1/0.99/1"]
    first = runs[0]["factors"]
    assert [each["step"] for each in first] == 6 * [10] + 6 * [20]
    assert {each["factor"] for each in first} == {"A", "G"}
    assert all(0 < each["scaled"]["left"][1] <= 1.5 * each["rest"]["left"][1] for each in first)
    assert runs[1]["factors"] == []  # no refresh in 22 steps but the first
