"""What runs is what was registered."""

import re
from pathlib import Path

from validation.study import design
from validation.study.arms import ALL_ARMS

REGISTERED = (Path(design.__file__).parents[1] / "data" / "study" / "registered.md").read_text(encoding="utf-8")


def families(text):
    """`sample 0.1, 0.3, 1; column ...`: arms of each family from its smallest flaw, as they stand in a sentence."""
    listed = {}
    for part in " ".join(text.split()).split("; "):
        family, levels = part.replace(" bits", "").split(" ", 1)
        listed[family] = tuple(f"{family} {level}" for level in levels.split(", "))
    return listed


def test_families_are_those_of_the_last_amendment():
    first, _ = REGISTERED.split("## A second registration")
    assert families(first.split("* Tested: ")[-1].split("; of practice")[0]) == design.FIRST.families
    assert "of practice Adam, refresh 100 and\n  damping 0.001 (9 tests)" in first


def test_the_second_registration_is_the_one_that_was_written():
    _, second = REGISTERED.split("## A second registration")
    listed = second.split("from small to large: ")[1].split(". Seven families")[0]
    assert families(listed) == design.SECOND.families
    assert len(design.SECOND.families) == 7
    practice = second.split("over their nine tests: ")[1].split(".\n")[0]
    assert practice.replace(" with ", " ").split(", ") == list(design.SECOND.practice)
    assert design.SECOND.comparisons == 9 == len(design.SECOND.practice) * len(design.TARGETS)
    assert "family-wise error of 5 % of their own" in second
    assert design.SECOND.alpha == 0.05


def test_every_arm_is_registered_once():
    arms = [arm for registration in design.REGISTRATIONS for arm in registration.arms]
    assert len(arms) == len(set(arms))
    assert {*arms, design.BASE} == set(ALL_ARMS)


def test_levels_of_both_registrations_are_in_one_order_of_size():
    """From the smallest flaw to the largest: errors grow, bits fall; each registration's own order is kept."""
    merged = design.by_size()
    assert merged["out"] == ("out 8", "out 6", "out 4", "out 3")
    assert merged["sample"] == ("sample 0.03", "sample 0.1", "sample 0.3", "sample 1")
    assert merged["method2"] == design.SECOND.families["method2"]
    for registration in design.REGISTRATIONS:
        for flaw, levels in registration.families.items():
            assert tuple(arm for arm in merged[flaw] if arm in levels) == levels


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
    arms = (design.BASE, *design.FIRST.arms)
    first = [job for job in jobs if job[1] in arms]
    assert jobs[: len(first)] == first
    for task, arm, seed in first:
        done[task, arm] = done.get((task, arm), 0) + 1
        assert done[task, arm] == seed
        counts = [done.get((task, other), 0) for other in arms]
        assert max(counts) - min(counts) <= 1
    assert len(set(jobs)) == len(jobs) == (30 + 15) * len(ALL_ARMS)
    assert ("vit", "in 4", 1) not in set(design.queue(["vit"], list(ALL_ARMS)))
