"""What went wrong in code of the user's, on one line: the error, and the line of theirs that it came from."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import Final

_LIBRARIES: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_OURS: Final = str(Path(__file__).parent)
#: What an error of torch means for somebody whose network is traced, by words in it.
_HINTS: Final = (
    ("Expected tensor for argument #1 'indices'", "token ids are whole numbers: write the input as 8x128:int"),
    ("mat1 and mat2 must have the same dtype", "an input of another type is needed, such as 8x128:float"),
    ("meta tensor", "what it runs depends on values, which the meta device has not; give inputs with values"),
    ("meta tensors", "what it runs depends on values, which the meta device has not; give inputs with values"),
)


def one_line(error: BaseException) -> str:
    """``ValueError: message (file.py:12)``: the place is the last one outside of libraries, where there is any."""
    text = " ".join(str(error).split()) or "no message"
    hint = next((f"; {hint}" for words, hint in _HINTS if words in text), "")
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not each.filename.startswith((_OURS, "<", *_LIBRARIES))]
    shown = next((each for each in reversed(own) if "site-packages" not in each.filename), None)
    place = f" ({Path(shown.filename).name}:{shown.lineno})" if shown else ""
    return f"{type(error).__name__}: {text[:300]}{place}{hint}"
