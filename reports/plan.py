"""What a page needs to project a model by itself: its layers, the methods, the laws of cards, draws, and formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from costmodel.curvature.law import RoleEffect, Target
from costmodel.defaults import REPORT_DRAWS, Scenario
from costmodel.formulas import Formula, schedule
from costmodel.formulas.accuracy import couplings, refined, repeated
from costmodel.formulas.thermo import noise
from costmodel.machines.analog_defaults import BOLTZMANN, completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.precision import OUTPUTS, law_name, precision_of
from costmodel.methods import AnalogWork, Delivery, DigitalWork, MessageWork, Method, Phase
from costmodel.methods.distribution import place
from costmodel.projection import flaws, mitigation
from costmodel.projection.curvature import LAW, role_of
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.methods import methods_of
from costmodel.projection.standing import SIDES, curvature, standings
from costmodel.projection.values import ANALOG, BEHIND, CURVED, TOLERANCES
from costmodel.quantities.estimate import standard_normal
from costmodel.workloads.workload import Layer, Workload
from reports.javascript import compiled
from reports.records import analog_record, law_record, packed, records

#: Draws of a report whose layers are very many.
_FEWEST: Final = 16
#: Numbers of curvature that a page carries at most: 8 bytes each, and a third more as text.
_MOST_NUMBERS: Final = 150_000


def draws_for(workload: Workload, wanted: int = REPORT_DRAWS) -> int:
    """How many draws a page can carry: fewer where very many layers differ."""
    units = 8 * len(standings(workload, tuple(shape for shape, _ in workload.shapes())))
    return max(_FEWEST, min(wanted, _MOST_NUMBERS // units))


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be picked on a page.

    Attributes:
        workload: The model.
        digital: Digital cards, the first one shown at first.
        analog: Analog cards, likewise.
    """

    workload: Workload
    digital: Sequence[DigitalCard]
    analog: Sequence[AnalogCard]


class Plan:
    """Everything a page computes with, as JSON."""

    def __init__(self, choice: Choice, draws: int, seed: int, scenario: Scenario) -> None:
        self._choice, self._draws, self._seed, self._scenario = choice, draws, seed, scenario
        self._names: dict[Formula, str] = {}
        self._phases: list[dict[str, Any]] = []
        self._positions: dict[Phase, int] = {}
        self._methods = methods_of(choice.workload)

    @property
    def formulas(self) -> Mapping[str, Formula]:
        """Formulas that the page evaluates, by the name it knows them under."""
        return {name: each for each, name in self._names.items()}

    def as_json(self) -> dict[str, Any]:
        """The whole of it."""
        workload = self._choice.workload
        found = {
            "draws": self._draws,
            "scenario": self._scenario.value,
            "model": _model(workload),
            "methods": [self._method(each) for each in self._methods],
            "phases": self._phases,
            "curvature": _curvature(self._choice, self._draws, self._seed, self._scenario),
            "digital": {each.name: self._digital(each) for each in self._choice.digital},
            "analog": {each.name: analog_record(each) for each in self._choice.analog},
            "quantities": self._quantities(),
            "fixed": self._fixed(),
        }
        found["compiled"] = compiled({name: each.expression for name, each in self.formulas.items()}).as_json()
        found["letters"] = {name: list(each.letters) for name, each in self.formulas.items()}
        found["deviates"] = self._deviates(found)
        return found

    def _name(self, formula: Formula | None) -> str | None:
        """The name of a formula on the page; several may share the one they were made from."""
        if formula is None:
            return None
        if formula not in self._names:
            taken = set(self._names.values())
            name = formula.name
            while name in taken:
                name += "'"
            self._names[formula] = name
        return self._names[formula]

    def _count(self, count: float | Formula) -> float | str | None:
        return self._name(count) if isinstance(count, Formula) else float(count)

    # --- methods -------------------------------------------------------------------------------------------------

    def _method(self, method: Method) -> dict[str, Any]:
        return {
            "name": method.name,
            "title": method.title,
            "role": method.role.value,
            "needs": method.needs,
            "delivers": method.delivers and method.delivers.value,
            "deflated": method.deflated,
            "refined": method.refined,
            "averaged": method.readings and self._name(method.readings),
            "assumes": list(method.assumes),
            "phases": [self._phase(phase) for phase in method.phases],
        }

    def _phase(self, phase: Phase) -> int:
        """Position of a phase among all; most belong to several methods."""
        if phase not in self._positions:
            self._positions[phase] = len(self._phases)
            self._phases.append(
                {
                    "name": phase.name,
                    "label": phase.part.label,
                    "solver": phase.part.solver,
                    "cadence": phase.cadence.name,
                    "interval": phase.interval,
                    "pipelined": phase.pipelined,
                    "fed": phase.fed_by_host,
                    "place": place(phase).value,
                    "works": [self._work(work) for work in phase.works],
                }
            )
        return self._positions[phase]

    def _work(self, work: DigitalWork | AnalogWork | MessageWork) -> dict[str, Any]:
        if isinstance(work, AnalogWork):
            return {
                "kind": "analog",
                "resource": work.resource.value,
                "time": self._name(work.time),
                "chained": work.chained,
                "systems": self._name(work.systems),
                "law": work.law and work.law.value,
                "tolerance": self._name(work.tolerance),
            }
        if isinstance(work, MessageWork):
            named = {"messages": self._name(work.messages), "words": self._name(work.words)}
            return {"kind": "message", "scope": work.scope.value, **named}
        precision = self._choice.workload.precision
        share = precision.activation_bytes / 4.0 if work.operation in OUTPUTS else 1.0
        return {
            "kind": "digital",
            "operation": work.operation,
            "scope": work.scope.value,
            "calls": self._count(work.calls),
            "units": self._name(work.flops if OPERATIONS[work.operation].flops(2, 2) else work.bytes),
            "per_unit": 1.0 if OPERATIONS[work.operation].flops(2, 2) else share / 4.0,
            "elements": self._name(work.elements),
            "batched": work.batched,
            "sizes": [str(each) for each in work.sizes],
            "layers": work.layers.value,
            "tolerance": self._name(work.tolerance),
        }

    def _fixed(self) -> dict[str, Any]:
        """Formulas that stand behind symbols and accuracy."""
        named = {
            "kappa": BEHIND["kappa"],
            "r": BEHIND["r"],
            "chi": BEHIND["chi"],
            "exposed": schedule.exposed_time(),
            "nu": noise.solution_ratio(),
            "bits": couplings.rounding_bits(),
            "refined_couplings": refined.couplings(),
            "finer": repeated.bits(),
        }
        return {
            **{key: self._name(each) for key, each in named.items()},
            "moments": {letter: self._name(each) for letter, each in mitigation.moments().items()},
            "causes": {
                each.value: {
                    cause: [self._name(formula) for formula in own]
                    for cause, own in flaws.causes(each, mismatched=True).items()
                }
                for each in Delivery
            },
            "shares": {each.value: letter for each, letter in flaws.SHARE.items()},
            "tolerated": dict(flaws.TOLERANCE),
            "tolerances": dict(TOLERANCES),
            "readings": [self._name(each) for each in flaws.of_readings()],
            "after_refinement": {
                self._name(cause): self._name(each) for cause, each in mitigation.after_refinement().items()
            },
            "analog": dict(ANALOG),
            "curved": sorted(CURVED),
            "boltzmann": BOLTZMANN,
        }

    # --- machines ------------------------------------------------------------------------------------------------

    def _digital(self, card: DigitalCard) -> dict[str, Any]:
        workload = self._choice.workload
        works = (work for method in self._methods for phase in method.phases for work in phase.works)
        operations = dict.fromkeys(work.operation for work in works if isinstance(work, DigitalWork))
        resolved: dict[str, Any] = {}
        laws: dict[str, Any] = {}
        for name in operations:
            parts = card.resolve(name, precision_of(name, workload.precision, workload.kfac.precision))
            if parts is None:
                raise ValueError(f"card {card.name} has no law for {law_name(name, workload.precision)}")
            resolved[name] = [
                {"law": each.operation, "launch": each.launch, "element_time": each.element_time, "work": each.work}
                for each in parts
            ]
            laws |= {each.operation: law_record(each.operation, card.laws[each.operation]) for each in parts}
        return {"title": card.title, "source": card.source, "resolved": resolved, "laws": laws}

    # --- quantities and draws ------------------------------------------------------------------------------------

    def _quantities(self) -> dict[str, Any]:
        """Of the model, and of each card beside it."""
        workload, first = self._choice.workload, self._choice
        own = quantities(workload, first.digital[0], first.analog[0])
        model = {path: each for path, each in own.items() if not path.startswith(("digital.", "analog.", "solver."))}
        digital = {
            card.name: {f"digital.{path}": each for path, each in card.quantities(workload.precisions).items()}
            for card in first.digital
        }
        analog = {}
        for card in first.analog:
            solver = {f"solver.{law}.factor": factor.factor for law, factor in card.solver.items()}
            analog[card.name] = {f"analog.{name}": each for name, each in completed(card).items()} | solver
        return {
            "model": records(model),
            "digital": {name: records(each) for name, each in digital.items()},
            "analog": {name: records(each) for name, each in analog.items()},
        }

    def _deviates(self, found: Mapping[str, Any]) -> dict[str, str]:
        """Streams of deviates by name, of every quantity with a range and of what lies outside laws' data."""
        groups = found["quantities"]
        records = {**groups["model"]}
        streams = [each["stream"] or path for path, each in records.items()]
        for kind in ("digital", "analog"):
            for each in groups[kind].values():
                streams += [record["stream"] or path for path, record in each.items()]
        laws = {law for card in found["digital"].values() for law in card["laws"]}
        streams += [f"digital.operations.{law}.extrapolation" for law in sorted(laws)]
        kept = (name for name in dict.fromkeys(streams) if not name.startswith((f"{LAW}.", "model.kfac.curvature.")))
        return {name: packed(standard_normal(name, self._draws, self._seed)) for name in kept}


# --- the model -------------------------------------------------------------------------------------------------------


def _model(workload: Workload) -> dict[str, Any]:
    shapes = workload.shapes()
    per_example = workload.batch_size
    return {
        "name": workload.name,
        "shapes": [
            {
                "d": shape.input_dimension,
                "a": shape.input_factor_dimension,
                "g": shape.output_dimension,
                "rows": shape.rows_per_example,
                "pairs": shape.pairs,
                "patches": shape.patches,
                "j": float(shape.input_gradient),
                "count": count,
            }
            for shape, count in shapes
        ],
        "others": sum(other.parameters for other in workload.others),
        "parameters": workload.parameters,
        "tensors": workload.tensors,
        "other_flops": workload.other_forward_flops / per_example,
        "other_gradient_flops": workload.other_input_gradient_flops / per_example,
        "devices": workload.devices,
        "machines": workload.machines,
        "fraction": workload.gradient_worker_fraction,
        "given_condition": workload.kfac.condition_number is not None,
        "given_rank": workload.kfac.rank is not None,
        "batch": workload.batch_size,
        "refresh": workload.kfac.refresh_interval,
        "factors": workload.kfac.factor_interval,
        "stale": workload.kfac.stale_steps,
        "second_stream": workload.kfac.second_stream,
        "shared_link": workload.kfac.shared_link,
        "target": workload.training.target if workload.training is not None else None,
    }


def _curvature(choice: Choice, draws: int, seed: int, scenario: Scenario) -> dict[str, Any]:
    """Draws of what curvature decides, and its nominal values, for the layers that stand for all."""
    workload = choice.workload
    shapes = tuple(shape for shape, _ in workload.shapes())
    own = quantities(workload, choice.digital[0], choice.analog[0])
    found = curvature(workload, shapes, Sample.of(own, draws, seed, scenario))
    nominal = curvature(workload, shapes, Sample.nominal(own))
    return {
        "unit": found.unit.tolist(),
        "weight": found.weight.tolist(),
        "widths": _widths(workload, list(found.values)),
        "draws": {letter: packed(values) for letter, values in found.values.items()},
        "nominal": {letter: packed(values) for letter, values in nominal.values.items()},
    }


def _widths(workload: Workload, letters: Iterable[str]) -> dict[str, list[float]]:
    """For each factor that stands for others, the power of width its curvature goes with; 0 where it is stated."""
    kfac = workload.kfac
    standing = standings(workload, tuple(shape for shape, _ in workload.shapes()))

    def power(target: Target, layer: Layer) -> float:
        role = role_of(layer)
        stated = kfac.curvature.of(layer.name, role, target) or getattr(kfac, target.value)
        law = kfac.curvature_law.targets[target]
        return 0.0 if stated else law.width + law.roles.get(role, RoleEffect()).width

    return {letter: [power(target, each.layer) for target in SIDES[letter] for each in standing] for letter in letters}


def cards_that_run(workload: Workload, cards: Iterable[DigitalCard]) -> list[DigitalCard]:
    """The digital cards that know every operation of a projection in the model's precisions and on its devices."""
    works = [work for method in methods_of(workload) for phase in method.phases for work in phase.works]
    operations = {work.operation for work in works if isinstance(work, DigitalWork)}
    able = []
    for card in cards:
        precise = (
            card.resolve(each, precision_of(each, workload.precision, workload.kfac.precision)) for each in operations
        )
        linked = workload.devices == 1 or card.interconnect_bandwidth is not None
        if linked and all(parts is not None for parts in precise):
            able.append(card)
    return able
