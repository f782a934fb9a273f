"""JSON Schemas of model and card files, for editors that complete and check YAML as it is typed.

They come from the schemas that the files are checked with. What a schema cannot say (units, domains, values that have
to agree) is left to ``project``, so that a file an editor accepts may still be refused; one it refuses always is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from costmodel.inputs.device_schema import AnalogFile, ConstantEntry, DigitalFile, FittedEntry
from costmodel.inputs.kinds import FAMILIES, LAYER_KINDS
from costmodel.inputs.schema import QuantityEntry, Strict
from costmodel.inputs.workload_schema import Repeat, WorkloadFile

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TITLES: Final = {"model": "costmodel model file", "card": "costmodel hardware card"}
_NUMBER: Final = {"type": ["number", "string"]}
_REFERENCE: Final = "#/$defs/{model}"


class _Generator(GenerateJsonSchema):
    """As pydantic does it, but with the short form of a quantity beside the long one."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model; a quantity's numbers may have units, and a number alone stands for it."""
        found = super().model_schema(schema)
        cls = schema["cls"]
        if not issubclass(cls, QuantityEntry):
            return found
        for name in ("value", "low", "high", "standard_error"):
            found["properties"][name] = {"title": found["properties"][name]["title"], **_NUMBER}
        found["properties"]["domain"] = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        unit = "" if cls.unit.name == "1" else f" In {cls.unit.name}, with any prefix."
        description = found.pop("description", "") + unit
        return {"anyOf": [_NUMBER, found], "title": cls.__name__, "description": description}


def json_schema(what: str) -> dict[str, Any]:
    """The JSON Schema of ``"model"`` or ``"card"`` files.

    Raises:
        KeyError: There is no such schema.
    """
    build = {"model": _model, "card": _card}[what]
    return {"$schema": _DIALECT, "title": _TITLES[what], **build()}


def schema_text(what: str) -> str:
    """The same as text, as it is published."""
    return json.dumps(json_schema(what), indent=2, sort_keys=True) + "\n"


def _definitions(models: Iterable[type[Strict]]) -> dict[str, Any]:
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCE, schema_generator=_Generator
    )
    return dict(found["$defs"])


def _of(model: type[Strict]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _model() -> dict[str, Any]:
    kinds: list[type[Strict]] = list(dict.fromkeys(kind.schema for kind in LAYER_KINDS.values()))
    listed: list[type[Strict]] = [*kinds, Repeat]
    families = {name: kind.schema for name, kind in FAMILIES.items()}
    definitions = _definitions([WorkloadFile, Repeat, *kinds, *families.values()])
    layer = {"anyOf": [_of(each) for each in listed]}
    for holder in (WorkloadFile, Repeat):
        definitions[holder.__name__]["properties"]["layers"] = {"type": "array", "items": layer, "minItems": 1}
    top = definitions[WorkloadFile.__name__]
    top["properties"]["family"] = {"enum": sorted(families)}
    top["properties"]["parameters"] = {"type": "object"}
    top["allOf"] = [_parameters(name, schema) for name, schema in sorted(families.items())]
    top["oneOf"] = [{"required": ["layers"]}, {"required": ["family"]}]
    return {**_of(WorkloadFile), "$defs": definitions}


def _parameters(name: str, schema: type[Strict]) -> dict[str, Any]:
    """Of a family its own parameters."""
    chosen = {"properties": {"family": {"const": name}}, "required": ["family"]}
    return {"if": chosen, "then": {"properties": {"parameters": _of(schema)}}}


def _card() -> dict[str, Any]:
    definitions = _definitions([DigitalFile, AnalogFile, ConstantEntry, FittedEntry])
    law = {"anyOf": [_of(ConstantEntry), _of(FittedEntry)]}
    operations: Mapping[str, Any] = {"type": "object", "additionalProperties": law}
    definitions[DigitalFile.__name__]["properties"]["operations"] = operations
    by_kind = [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": _of(file)}
        for kind, file in (("digital", DigitalFile), ("analog", AnalogFile))
    ]
    known = {"kind": {"enum": ["digital", "analog"]}}
    return {"type": "object", "properties": known, "required": ["kind"], "allOf": by_kind, "$defs": definitions}
