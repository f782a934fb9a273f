"""Code of the user's: the function that ``package.module:name`` names, and what it raises on one line."""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from costmodel.inputs.faults import InputError

#: Where this package's own code is.
_OWN: Final = tuple(str(Path(__file__).parents[2] / each) for each in ("costmodel", "solver", "validation"))


def function_named(factory: str) -> Callable[..., Any]:
    """The function that ``package.module:name`` names; the current folder is searched too. It runs the module.

    Raises:
        InputError: There is none, or importing it fails.
    """
    module, _, name = factory.partition(":")
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", factory):
        raise InputError.about(factory, "is not of the form package.module:factory")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    with code_of_user(factory, "importing it "):
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError as error:
            if error.name and f"{module}.".startswith(f"{error.name}."):
                raise InputError.about(factory, f"there is no module '{error.name}', here or installed") from None
            raise
    if found is None:
        raise InputError.about(factory, f"module '{module}' has no '{name}'")
    if not callable(found):
        raise InputError.about(factory, f"'{name}' is a {type(found).__name__}, not a function without arguments")
    return found  # type: ignore[no-any-return]


@contextmanager
def code_of_user(origin: str, what: str = "") -> Iterator[None]:
    """What the user's code raises, in one line with its place."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError.about(origin, what + raised(error)) from None


def raised(error: Exception) -> str:
    """``raised ValueError: reason (file.py:12)``; the place is the last one in the user's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    reason = str(error).strip().split("\n")[0]
    return (f"raised {type(error).__name__}: {reason}" if reason else f"raised {type(error).__name__}") + place


def _is_library(file: str) -> bool:
    """Whether a frame is of Python, an installed package or this one, and no place for the user to look at."""
    return "site-packages" in file or file.startswith(("<", sys.base_prefix, *_OWN))
