"""A refresh that runs beside training, since a step may take inverses that are some steps old; and waiting for one."""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, P_d, i_f, p, t_b, t_d, t_f, t_i, z
from costmodel.quantities.units import joule, second

_SOURCE = "derived: docs/derivations.md, a refresh beside training"


@formula("schedule.room.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def room_time() -> Expression:
    """Training between the start of a refresh and its first use, z steps later.

    What is left of the step it starts in, z - 1 whole steps and what the last one does before it preconditions make z
    steps; factors are updated in every i_f-th of them.

    >>> round(room_time().evaluate(z=25, t_d=0.01, i_f=10, t_f=0.02), 3)
    0.29
    """
    return z * t_d + sp.floor(z / i_f) * t_f


@formula("schedule.exposed.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def exposed_time() -> Expression:
    """What a refresh still adds to training: as much of it as finds no room beside z steps.

    >>> round(exposed_time().evaluate(z=25, t_d=0.01, i_f=10, t_f=0.02, t_b=0.4), 3)
    0.11
    """
    room = room_time().expression
    return larger(t_b, room) - room


@formula("schedule.waiting.energy", joule, _SOURCE, verified_by=Oracle.SCHEDULE)
def waiting_energy() -> Expression:
    """What p devices draw while they wait for the analog machine: all of them, whichever factor is on its arrays.

    >>> round(waiting_energy().evaluate(p=4, P_d=100, t_i=0.02), 3)
    8.0
    """
    return p * P_d * t_i
