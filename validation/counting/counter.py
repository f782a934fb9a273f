"""The counter: a dispatch mode that sees every operation below autograd."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, Final

from torch.utils._python_dispatch import TorchDispatchMode

from validation.counting import elementwise, factorisations, products
from validation.counting.kinds import Kind, Rule
from validation.counting.traffic import moved

_RULES: Final[dict[str, Rule]] = {**products.RULES, **factorisations.RULES, **elementwise.RULES}


class UnknownOperationError(NotImplementedError):
    """An operation without a rule ran: its FLOPs would silently count as zero."""


class FlopCounter(TorchDispatchMode):
    """Counts what runs inside ``with FlopCounter() as counter:``, backward passes included.

    Attributes:
        flops: FLOPs by kind.
        by_operation: FLOPs by name of the operation, all kinds together.
        calls: Calls by name of the operation, those that compute nothing left out.
        read: Bytes of tensors that operations took, by name.
        written: Bytes of tensors that they made or changed, by name.

    >>> import torch
    >>> with FlopCounter() as counter:
    ...     _ = torch.linalg.cholesky(torch.eye(30))
    >>> counter.flops[Kind.FACTORISATION], dict(counter.calls)
    (9000.0, {'linalg_cholesky_ex': 1})
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops: dict[Kind, float] = dict.fromkeys(Kind, 0.0)
        self.by_operation: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.written: Counter[str] = Counter()

    @property
    def moved(self) -> int:
        """Bytes read and written by all operations."""
        return self.read.total() + self.written.total()

    @property
    def total(self) -> float:
        """FLOPs of all kinds."""
        return sum(self.flops.values())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and count it.

        Raises:
            UnknownOperationError: There is no rule for it.
        """
        kwargs = kwargs or {}
        name = operation(func)
        if name not in _RULES and name not in elementwise.FREE:
            raise UnknownOperationError(f"no rule for {func}; its FLOPs would count as zero")
        result: Any = func(*args, **kwargs)
        if name in _RULES:
            for kind, flops in _RULES[name](args, kwargs, result).items():
                self.flops[kind] += flops
                self.by_operation[name] += flops
            self.calls[name] += 1
            read, written = moved(func, args, kwargs, result)
            self.read[name] += read
            self.written[name] += written
        return result


def operation(func: Any) -> str:
    """Name of an operation; in-place and out-of-place forms share it.

    >>> import torch
    >>> operation(torch.ops.aten.add_.Tensor)
    'add'
    """
    return str(func.overloadpacket.__name__).removesuffix("_")


def count(run: Callable[[], Any]) -> FlopCounter:
    """Run something and say what it cost."""
    counter = FlopCounter()
    with counter:
        run()
    return counter
