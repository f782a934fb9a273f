"""Networks by the name of the function that makes them: ``package.module:factory``, with arguments or without."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from costmodel.inputs.faults import InputError
from costmodel.inputs.user_code import code_of_user, function_named
from costmodel.tracing.failures import one_line
from costmodel.tracing.traced import LARGEST_WITH_VALUES, Traced, from_torch

_TYPES: Final = {
    "float": torch.float32,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int": torch.int64,
    "bool": torch.bool,
}
#: ``8x3x224x224``, ``8x128:int``, ``decoder_input_ids=8x128:int``.
_INPUT: Final = re.compile(r"(?:([^\W\d]\w*)=)?(\d+(?:x\d+)*)(?::(\w+))?")


def read_factory(
    target: str,
    inputs: Sequence[str] = (),
    *,
    examples: int | None = None,
    adam: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> Traced:
    """Call a factory on the meta device and read the network that it gives. Runs the user's code.

    Args:
        target: ``package.module:factory`` or ``package.module:factory('name', width=64)``, arguments being plain
            values. It gives a module; or ``(module, inputs)``, or ``(module, inputs, examples)``. A model class of
            transformers is made from a configuration with these arguments.
        inputs: Shapes for a module that comes alone.
        examples: Examples in the inputs; from the inputs without it.
        adam: Patterns of names of layers that are left to Adam.
        settings: As ``--set`` takes them, of the model.

    Raises:
        InputError: In one line: no such factory, what it raises, what the network raises, or nothing to do for K-FAC.
    """
    make = _maker(target)
    shapes = [_shape(each) for each in inputs]
    given = _made(make, target)
    try:
        return _read(given, shapes, target, examples, adam, settings)
    except InputError as error:
        module = given[0] if isinstance(given, tuple) else given
        if error.__cause__ is None or sum(each.numel() for each in module.parameters()) > LARGEST_WITH_VALUES:
            raise
    with code_of_user(target):
        given = make()
    return _read(given, shapes, target, examples, adam, settings)


def _maker(target: str) -> Callable[[], Any]:
    name, bracket, rest = target.partition("(")
    arguments: tuple[list[Any], dict[str, Any]] = ([], {})
    if bracket:
        arguments = _arguments(target, f"f({rest}")
    import_torchvision()
    found = function_named(name)
    configuration = getattr(found, "config_class", None)
    if isinstance(found, type) and issubclass(found, nn.Module) and configuration is not None:
        return lambda: found(configuration(*arguments[0], **arguments[1]))
    return lambda: found(*arguments[0], **arguments[1])


def _arguments(target: str, call: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        body = ast.parse(call, mode="eval").body
        assert isinstance(body, ast.Call)
        keywords = {each.arg or "**": ast.literal_eval(each.value) for each in body.keywords}
        return [ast.literal_eval(each) for each in body.args], keywords
    except (SyntaxError, ValueError, AssertionError):
        message = "arguments of a factory are plain values, like ('vit_small', depth=12)"
        raise InputError.about(target, message) from None


def import_torchvision() -> None:
    """Its networks are Python; a build for another torch lacks its compiled operations, which they do not use."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
        importlib.import_module("torchvision")


#: A library's definitions last as long as it does.
_KEPT: Final[list[torch.library.Library]] = []


def _made(make: Callable[[], Any], target: str) -> Any:
    """What the factory gives on the meta device; with values where it needs some to build its network."""
    try:
        with torch.device("meta"):
            return make()
    except (RuntimeError, NotImplementedError) as error:
        if "meta" not in str(error).lower():
            with code_of_user(target):
                raise
    except (Exception, SystemExit):
        with code_of_user(target):
            raise
    with code_of_user(target):
        return make()


def _read(
    given: Any,
    shapes: Sequence[tuple[str, tuple[int, ...], torch.dtype]],
    target: str,
    examples: int | None,
    adam: Sequence[str],
    settings: Sequence[str],
) -> Traced:
    own = isinstance(given, tuple) and len(given) in {2, 3}
    module = given[0] if own else given
    if not isinstance(module, nn.Module):
        found = "None" if given is None else f"a {type(given).__name__}"
        raise InputError.about(target, f"gave {found}, expected a torch module or a tuple (module, inputs)")
    if own and shapes:
        raise InputError.about("--input", f"{target} gives inputs itself")
    if not own and not shapes:
        raise InputError.about(target, "gives a module without inputs; say which, like --input 8x3x224x224")
    inputs = given[1] if own else _inputs(module, shapes)
    if own and len(given) == 3:
        examples = examples or given[2]
    name = target.partition(":")[2].partition("(")[0]
    source = f"{target}, read with torch {torch.__version__.partition('+')[0]}"
    return from_torch(
        module, inputs, name=name, examples=examples, adam=adam, settings=settings,
        title=type(module).__name__, source=source, origin=target,
    )  # fmt: skip


def _shape(text: str) -> tuple[str, tuple[int, ...], torch.dtype]:
    match = _INPUT.fullmatch(text)
    kind = (match and match[3]) or "float"
    if match is None or kind not in _TYPES:
        message = f"'{text}' is no shape; like 8x3x224x224, 8x128:int or input_ids=8x128:int, types {', '.join(_TYPES)}"
        raise InputError.about("--input", message)
    sides = tuple(int(each) for each in match[2].split("x"))
    if 0 in sides:
        raise InputError.about("--input", f"'{text}' holds nothing")
    return match[1] or "", sides, _TYPES[kind]


def _inputs(module: nn.Module, shapes: Sequence[tuple[str, tuple[int, ...], torch.dtype]]) -> Any:
    """Zeros, on the device of the module."""
    device = next((each.device for each in module.parameters()), torch.device("meta"))
    named = [bool(name) for name, _, _ in shapes]
    if any(named) and not all(named):
        raise InputError.about("--input", "either all inputs have names, or none")
    try:
        tensors: list[Tensor] = [torch.zeros(sides, dtype=kind, device=device) for _, sides, kind in shapes]
    except (RuntimeError, TypeError, OverflowError) as error:  # more elements than a size can say
        raise InputError.about("--input", one_line(error)) from None
    if all(named):
        return {name: each for (name, _, _), each in zip(shapes, tensors, strict=True)}
    return tuple(tensors)
