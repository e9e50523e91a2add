"""Does an output follow the JSON schema that was asked for? What can be told for sure, at little cost.

Keywords: `type`, `enum`, `const`, `required`, `properties`, `additionalProperties`, `items`, `anyOf`, `allOf`, `$ref`
within the schema, and bounds of numbers, lengths and counts: what the providers' structured output knows. Source:
JSON Schema 2020-12, json-schema.org. Anything else is not looked at, patterns and formats least of all: they may take
any time on an output that a stranger can steer, and a `$ref` to elsewhere would be fetched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .registry import rule

if TYPE_CHECKING:
    from confession_otel.confession import Confession

    from .evidence import Evidence

LONGEST: Final = 1 << 18
"""Characters of an output that is looked at."""
_STEPS: Final = 20_000
"""Comparisons of a value with a schema, after which nothing is said."""
_DEEPEST: Final = 64


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_BOUNDS: Final[dict[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]]] = {
    "minimum": (_is_number, lambda value, bound: value >= bound),
    "maximum": (_is_number, lambda value, bound: value <= bound),
    "exclusiveMinimum": (_is_number, lambda value, bound: value > bound),
    "exclusiveMaximum": (_is_number, lambda value, bound: value < bound),
    "minItems": (_TYPES["array"], lambda value, bound: len(value) >= bound),
    "maxItems": (_TYPES["array"], lambda value, bound: len(value) <= bound),
    "minLength": (_TYPES["string"], lambda value, bound: len(value) >= bound),
    "maxLength": (_TYPES["string"], lambda value, bound: len(value) <= bound),
}


class _UnsureError(Exception):
    """It cannot be told."""


class _Check:
    """One output against one schema."""

    __slots__ = ("_left", "_root")

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _STEPS

    def follows(self, value: Any, schema: Any, depth: int = 0) -> bool:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise _UnsureError
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise _UnsureError
        if (
            not _is_of_type(value, schema.get("type"))
            or not _is_allowed(value, schema)
            or not _is_within(value, schema)
        ):
            return False
        if not self._combined(value, schema, depth + 1):
            return False
        if isinstance(value, dict):
            return self._object(value, schema, depth + 1)
        items = schema.get("items")
        if isinstance(value, list) and isinstance(items, (dict, bool)) and "prefixItems" not in schema:
            return all(self.follows(one, items, depth + 1) for one in value)
        return True

    def _combined(self, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
        if "$ref" in schema and not self.follows(value, self._referred(schema["$ref"]), depth):
            return False
        if not all(self.follows(value, one, depth) for one in schema.get("allOf") or ()):
            return False
        several = schema.get("anyOf")
        return not several or any(self.follows(value, one, depth) for one in several)

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], depth: int) -> bool:
        properties = schema.get("properties") or {}
        if any(name not in value for name in schema.get("required") or ()):
            return False
        others = schema.get("additionalProperties", True)
        for name, one in value.items():
            if name in properties:
                if not self.follows(one, properties[name], depth):
                    return False
            elif "patternProperties" not in schema and not self.follows(one, others, depth):
                return False
        return True

    def _referred(self, reference: object) -> Any:
        if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
            raise _UnsureError
        found: Any = self._root
        for name in reference[1:].split("/")[1:]:
            found = found[name.replace("~1", "/").replace("~0", "~")]
        return found


def _is_of_type(value: object, kinds: object) -> bool:
    if kinds is None:
        return True
    named = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(named, (list, tuple)) or any(kind not in _TYPES for kind in named):
        raise _UnsureError
    return any(_TYPES[kind](value) for kind in named)


def _is_allowed(value: object, schema: Mapping[str, Any]) -> bool:
    allowed = schema.get("enum")
    if isinstance(allowed, (list, tuple)) and not any(_is_equal(value, one) for one in allowed):
        return False
    return "const" not in schema or _is_equal(value, schema["const"])


def _is_within(value: object, schema: Mapping[str, Any]) -> bool:
    return all(
        holds(value, schema[keyword])
        for keyword, (applies, holds) in _BOUNDS.items()
        if keyword in schema and _is_number(schema[keyword]) and applies(value)
    )


def _is_equal(one: object, other: object) -> bool:
    # Python takes true for 1; inside lists and objects that is left to whoever writes such a schema.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def breaks(output: str, schema: Mapping[str, Any]) -> bool:
    """Does the output, as far as can be told for sure, not follow the schema?

    Args:
        output: all of it. An empty one says nothing.
        schema: a JSON schema. Where it is none, or the output is longer than is looked at, nothing can be told.
    """
    if not output.strip() or len(output) > LONGEST:
        return False
    try:
        value = json.loads(output)
    except json.JSONDecodeError:
        return True
    except (RecursionError, ValueError):
        # Deeper, or a number longer, than Python reads.
        return False
    try:
        return not _Check(schema).follows(value, schema)
    except (_UnsureError, ArithmeticError, LookupError, TypeError, ValueError):
        return False


@rule
def schema_broken(_: Confession, evidence: Evidence) -> bool:
    """The request wanted JSON of a schema (`response_format`, `text.format`), and the output is none that follows it.

    Silent where the answer was refused: a refusal has no schema. Errs where only a part of the output was seen; does
    not see what only patterns, formats or further keywords of the schema forbid.
    """
    if evidence.output_schema is None or evidence.output_text is None or evidence.refusal:
        return False
    return breaks(evidence.output_text, evidence.output_schema)
