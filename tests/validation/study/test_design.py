"""What runs is what was registered."""

import re
from pathlib import Path

from validation.study import design
from validation.study.arms import ALL_ARMS, ARMS, EXTRA_ARMS

REGISTERED = (Path(design.__file__).parents[1] / "data" / "study" / "registered.md").read_text(encoding="utf-8")


def test_families_are_those_of_the_last_amendment():
    """`sample 0.1, 0.3, 1; column ...; of practice`: the arms that are tested, each family from its smallest flaw."""
    text = " ".join(REGISTERED.split("* Tested: ")[-1].split("; of practice")[0].split())
    listed = {}
    for part in text.split("; "):
        family, levels = part.split(" ", 1)
        listed[family] = tuple(f"{family} {level}" for level in levels.split(", "))
    assert listed == design.FAMILIES
    tested = {arm for levels in design.FAMILIES.values() for arm in levels}
    assert tested | set(design.PRACTICE) | {design.BASE} == set(ARMS)
    assert set(ARMS) | set(EXTRA_ARMS) == set(ALL_ARMS)


def test_targets_limits_and_seeds_are_registered():
    sentence = " ".join(REGISTERED.split())
    targets = re.search(r"is at most ([\d.]+) \(mlp\), ([\d.]+) \(gnn\), ([\d.]+) \(vit\)", sentence)
    limits = re.search(r"not there after (\d+), (\d+), (\d+) steps", sentence)
    assert tuple(map(float, targets.groups())) == tuple(design.TARGETS[t] for t in ("mlp", "gnn", "vit"))
    assert tuple(map(float, limits.groups())) == tuple(design.LIMITS[t] for t in ("mlp", "gnn", "vit"))
    assert "Seeds: 1 to 30 (mlp), 1 to 15 (gnn, vit)" in sentence
    assert {task: list(seeds) for task, seeds in design.SEEDS.items()} == {
        "mlp": list(range(1, 31)),
        "gnn": list(range(1, 16)),
        "vit": list(range(1, 16)),
    }
    assert not set(design.TUNING_SEEDS) & set(design.SEEDS["mlp"])


def test_the_queue_is_balanced_at_every_cut():
    """Whatever is done of it, two arms of a task differ by at most one seed within a wave."""
    jobs, done = list(design.queue(["mlp", "gnn"], list(ALL_ARMS))), {}
    first = [job for job in jobs if job[1] in ARMS]
    assert jobs[: len(first)] == first
    for task, arm, seed in first:
        done[task, arm] = done.get((task, arm), 0) + 1
        assert done[task, arm] == seed
        counts = [done.get((task, other), 0) for other in ARMS]
        assert max(counts) - min(counts) <= 1
    assert len(set(jobs)) == len(jobs) == (30 + 15) * len(ALL_ARMS)
    assert ("vit", "in 4", 1) not in set(design.queue(["vit"], list(ALL_ARMS)))
