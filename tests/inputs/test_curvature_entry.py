"""Curvature that a model file states: what is read, and what is wrong with it."""

import pytest

from costmodel.curvature.law import Target
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.faults import InputError
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.workloads.workload import Workload

LAYERS = """layers:
  - {repeat: 2, name: b, layers: [{name: up, kind: linear, role: mlp_in, d_in: 8, d_out: 32}]}
  - {name: conv, kind: convolution, d_in: 3, d_out: 4, kernel: [3], positions: 9}
  - {name: rnn, kind: recurrent, cell: rnn, d_in: 4, d_hidden: 4}
  - {name: middle, kind: linear, d_in: 4, d_out: 4}
  - {name: last, kind: linear, d_in: 4, d_out: 2}
"""


def read(kfac: str, top: str = "") -> Workload:
    return workload_from(parse_yaml(f"schema: 1\nname: net\nbatch_size: 8\nkfac: {kfac}\n{top}{LAYERS}", "m.yaml"))


def test_what_is_stated_is_read() -> None:
    long = "{value: 0.01, low: 0.001, high: 0.1, status: measured, source: mine}"
    net = read(
        "{training_stage: 0.5, mean_curvature: 1, "
        f"curvature: {{roles: {{mlp_in: {{mean_curvature: {long}}}}}, "
        "layers: {b.1.up: {output_spectral_decay: 2}}}}",
        "network: graph_network\nloss_terms: 3.5\n",
    )
    stated = net.kfac.curvature.quantities()
    assert list(stated) == ["roles.mlp_in.mean_curvature", "layers.b.1.up.output_spectral_decay"]
    assert [(each.low, each.value, each.high) for each in stated.values()] == [(0.001, 0.01, 0.1), (2, 2, 2)]
    assert net.kfac.curvature.of("b.1.up", LayerRole.MLP_IN, Target.MEAN_CURVATURE) is not None
    assert (net.network, net.loss_terms, net.kfac.training_stage) == (NetworkKind.GRAPH_NETWORK, 3.5, 0.5)
    assert net.kfac.mean_curvature is not None
    assert net.kfac.mean_curvature.value == 1


def test_roles_left_out_go_by_place_and_kind() -> None:
    roles = {layer.name: layer.role for layer in read("{}").layers}
    assert roles == {
        "b.0.up": LayerRole.MLP_IN,  # stated, though it is the first
        "b.1.up": LayerRole.MLP_IN,
        "conv": LayerRole.CONVOLUTION,
        "rnn.weight_ih_l0": LayerRole.RECURRENT,
        "rnn.weight_hh_l0": LayerRole.RECURRENT,
        "middle": LayerRole.HIDDEN,
        "last": LayerRole.HEAD,
    }


NAMES = "b.0.up, b.1.up, conv, last, middle, rnn.weight_hh_l0, rnn.weight_ih_l0"


@pytest.mark.parametrize(
    ("kfac", "faults"),
    [
        (
            "{curvature: {roles: {querry: {mean_curvature: 1e-4}, heat: {}}}}",
            [
                "4:28 kfac.curvature.roles.querry unknown role 'querry'; did you mean 'query'?",
                "4:60 kfac.curvature.roles.heat unknown role 'heat'; did you mean 'head'?",
            ],
        ),
        (
            "{curvature: {layers: {b.2.up: {mean_curvature: 1}, xyz: {}}}}",
            [
                "4:29 kfac.curvature.layers.b.2.up unknown factored layer 'b.2.up'; did you mean 'b.1.up'?",
                f"4:58 kfac.curvature.layers.xyz unknown factored layer 'xyz'; known are {NAMES}",
            ],
        ),
        (
            "{curvature: {roles: {head: {theta: 1}}, layer: {}}}",
            [
                "4:35 kfac.curvature.roles.head.theta unknown key 'theta'; known are input_spectral_decay, "
                "input_stable_rank, input_top_mode_gap, mean_curvature, output_spectral_decay, output_stable_rank, "
                "output_top_mode_gap",
                "4:47 kfac.curvature.layer unknown key 'layer'; did you mean 'layers'?",
            ],
        ),
        (
            "{curvature: {roles: {head: {mean_curvature: -1, input_stable_rank: 0.5, output_top_mode_gap: 0.5}}}}",
            [
                "4:35 kfac.curvature.roles.head.mean_curvature mean_curvature = -1 is outside its domain 0 < theta",
                "4:55 kfac.curvature.roles.head.input_stable_rank stable_rank = 0.5 is outside its domain 1 <= s_r",
                "4:79 kfac.curvature.roles.head.output_top_mode_gap top_mode_gap = 0.5 is outside its domain 1 <= eta",
            ],
        ),
        ("{curvature: 3}", ["4:8 kfac.curvature expected keys and values, found 3"]),
        ("{training_stage: -0.1}", ["4:8 kfac.training_stage -0.1 is not at least 0.0"]),
        ("{training_stage: end}", ["4:8 kfac.training_stage expected a number, found 'end'"]),
    ],
)
def test_faults_come_with_their_places(kfac: str, faults: list[str]) -> None:
    with pytest.raises(InputError) as error:
        read(kfac)
    assert str(error.value).splitlines() == [f"m.yaml:{fault}" for fault in faults]
