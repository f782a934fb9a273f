"""What a method must say to be registered, and what happens where it does not."""

from collections.abc import Callable, Iterator

import pytest

from costmodel import formulas
from costmodel.methods import (
    METHODS,
    Cadence,
    Delivery,
    FactorConstruction,
    Method,
    Part,
    Phase,
    Role,
    register,
    unregister,
)
from costmodel.methods import phases as shared

STEP = shared.forward_backward()


@pytest.fixture(autouse=True)
def methods_as_before() -> Iterator[None]:
    before = list(METHODS)
    yield
    for name in [name for name in METHODS if name not in before]:
        unregister(name)
    assert list(METHODS) == before


def builder(*rest: object, name: str = "trial", **more: object) -> Callable[[FactorConstruction], Method]:
    return lambda construction: Method(name, "a trial", *rest, **more)


def test_a_method_is_shown_after_those_registered_before() -> None:
    build = register(builder(Role.RIVAL, (STEP,)))
    assert list(METHODS)[-1] == "trial"
    assert METHODS["trial"] is build


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (builder("rival", (STEP,)), "method trial has no role; one of "),
        (builder(Role.RIVAL, ()), "method trial has no phases"),
        (builder(Role.RIVAL, (STEP, STEP)), "method trial has two phases named forward_backward"),
        (builder(Role.RIVAL, (STEP,), name="adam"), "method adam is registered twice"),
        (builder(Role.BASELINE, (STEP,)), "method trial cannot be the baseline: adam is"),
        (builder(Role.THERMODYNAMIC, (STEP,)), "method trial has the role thermodynamic and delivers nothing: "),
        (
            builder(Role.RIVAL, (STEP,), delivers=Delivery.INVERSE),
            "method trial has the role rival and delivers inverse: ",
        ),
        (builder(Role.RIVAL, (Phase("anneal", Cadence.STEP, ()),)), "phase anneal of method trial has no label; "),
    ],
)
def test_what_is_missing_is_said_at_registration(build: Callable[[FactorConstruction], Method], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        register(build)
    assert str(caught.value).startswith(message)


def test_a_part_needs_a_label() -> None:
    with pytest.raises(ValueError, match=r"^phase 'anneal' has no label: the words that the verdict uses for it$"):
        Part("anneal", "")


def test_formulas_inside_formulas_count_as_used() -> None:
    assert formulas.inside("thermo.inverse.settle.time") == ("thermo.blocks.count", "thermo.transient.covariance.time")
