"""One layer small enough to work every number out on paper."""

from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.workloads.workload import Workload


def one_layer(kfac: str, d_in: int = 99, d_out: int = 50) -> Workload:
    """A layer with a bias, so a = d_in + 1 = 100 and g = 50, refreshed every 10 steps, with more K-FAC settings."""
    text = f"""
schema: 1
name: one-layer
source: made up
batch_size: 100
layers:
  - {{name: only, kind: linear, d_in: {d_in}, d_out: {d_out}}}
kfac: {{factor_interval: 1, refresh_interval: 10, {kfac}}}
"""
    return workload_from(parse_yaml(text, "test.yaml"))
