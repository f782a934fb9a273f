"""What went wrong while a network ran, on one line, with what it means for somebody who traces it."""

from __future__ import annotations

from typing import Final

from costmodel.inputs.user_code import raised

#: By words in the errors of torch.
_HINTS: Final = (
    ("Expected tensor for argument #1 'indices'", "token ids are whole numbers, such as --input 8x128:int"),
    ("mat1 and mat2 must have the same dtype", "an input of another type is needed, such as --input 8x128:bfloat16"),
    ("eta tensor", "what it runs depends on values, which the meta device has not; give inputs with values"),
)


def one_line(error: Exception) -> str:
    """``raised ValueError: message (file.py:12)``, and a hint where one is known."""
    text = str(error)
    return raised(error) + next((f"; {hint}" for words, hint in _HINTS if words in text), "")
