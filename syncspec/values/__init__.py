"""How values are compared and sent: `canonical.py` decides sameness; the others know numbers, times, types and JSON."""

from syncspec.values.canonical import canonical, equal, is_blank, loose_form, loosely_equal, short_id, to_wire, widest
from syncspec.values.field_types import problem
from syncspec.values.structure import digest

__all__ = [
    "canonical",
    "digest",
    "equal",
    "is_blank",
    "loose_form",
    "loosely_equal",
    "problem",
    "short_id",
    "to_wire",
    "widest",
]
