"""The output of a sweep, CSV or Parquet, a chunk at a time: equal chunks give equal bytes."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from costmodel.inputs.faults import InputError

if TYPE_CHECKING:
    import pyarrow as pa

#: A column of a chunk: numbers, or one value for all of its points.
Column = Any
FORMS: Final = (".parquet", ".csv")


class Writer(Protocol):
    """Takes chunks in order."""

    def write(self, columns: Mapping[str, Column], points: int) -> None:
        """Write one chunk."""
        ...

    def close(self) -> None:
        """End the file."""
        ...


def form_of(out: Path) -> str:
    """The form of an output file, by its ending.

    Raises:
        InputError: It has no such ending, or Parquet is wanted and pyarrow is missing.
    """
    form = out.suffix.lower()
    if form not in FORMS:
        raise InputError.about(str(out), "ends neither in .parquet nor in .csv")
    if form == ".parquet":
        import importlib.util

        if importlib.util.find_spec("pyarrow") is None:
            raise InputError.about("pyarrow", "is needed for Parquet; install it with: pip install 'costmodel[sweep]'")
    return form


def writer(form: str, stream: IO[bytes], kinds: Mapping[str, type], units: Mapping[str, str]) -> Writer:
    """A writer of a form.

    Args:
        form: ``".parquet"`` or ``".csv"``.
        stream: Where it writes.
        kinds: ``float``, ``str`` or ``bool`` for each column, in order.
        units: Unit of each column that has one.
    """
    return CsvWriter(stream, list(kinds)) if form == ".csv" else ParquetWriter(stream, kinds, units)


class CsvWriter:
    """Numbers with all their digits; what is not known is an empty field."""

    def __init__(self, stream: IO[bytes], names: Sequence[str]) -> None:
        self._stream, self._names = _Text(stream), names
        self._rows = csv.writer(self._stream, lineterminator="\n")
        self._rows.writerow(names)

    def write(self, columns: Mapping[str, Column], points: int) -> None:
        """Write one chunk."""
        self._rows.writerows(zip(*(_listed(columns[name], points) for name in self._names), strict=True))

    def close(self) -> None:
        """Nothing ends a CSV file."""


class _Text:
    """A stream of bytes that takes text."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode("utf-8"))


def _listed(column: Column, points: int) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return [column] * points
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and np.isnan(column).any():
        return ["" if math.isnan(each) else each for each in values]
    return values


class ParquetWriter:
    """A row group a chunk, float64 throughout, texts by dictionary; the unit of a column is in its metadata."""

    def __init__(self, stream: IO[bytes], kinds: Mapping[str, type], units: Mapping[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {float: pa.float64(), bool: pa.bool_(), str: pa.dictionary(pa.int32(), pa.string())}
        self._schema = pa.schema(
            [
                pa.field(name, types[kind], metadata={"unit": units[name]} if name in units else None)
                for name, kind in kinds.items()
            ]
        )
        self._file = pq.ParquetWriter(stream, self._schema, compression="zstd")

    def write(self, columns: Mapping[str, Column], points: int) -> None:
        """Write one chunk."""
        import pyarrow as pa

        arrays = [self._array(field, columns[field.name], points) for field in self._schema]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=max(1, points))

    def _array(self, field: pa.Field, column: Column, points: int) -> Any:
        import pyarrow as pa

        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            return pa.array(column, type=field.type, from_pandas=True)  # what is no number is null
        if pa.types.is_dictionary(field.type):
            words, index = (
                np.unique(column, return_inverse=True)
                if isinstance(column, np.ndarray)
                else (np.array([column]), np.zeros(points, dtype=np.int32))
            )
            return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(words.tolist(), pa.string()))
        return pa.array([column] * points, type=field.type)

    def close(self) -> None:
        """Write the end of the file."""
        self._file.close()
