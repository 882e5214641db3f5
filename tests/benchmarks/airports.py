"""A real table as a manifest: the airports of the world, with all that people write into names."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from benchmarks.projects import write_manifest, write_project

__all__ = ["write_airports"]

_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["icao", "name", "lat", "lon"],
    "properties": {
        "icao": {"type": "string", "pattern": "^[A-Z0-9_]{3,4}$"},
        "iata": {"type": "string", "pattern": "^([A-Z0-9]{3})?$"},
        "name": {"type": "string", "minLength": 1},
        "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "elevation": {"type": "number"},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "lon": {"type": "number", "minimum": -180, "maximum": 180},
    },
}


def write_airports(folder: Path, scale: float) -> int:
    """Write project, schema and manifest into the folder, for a share of the airports; gives their number."""
    from airportsdata import load

    everything = load("ICAO")
    rows = dict(islice(everything.items(), max(10, int(len(everything) * min(scale, 1.0)))))
    write_project(folder)
    (folder / "airport.schema.json").write_text(json.dumps(_SCHEMA), encoding="utf-8")
    write_manifest(
        folder / "airports.yaml",
        ((f"icao-{icao}", row) for icao, row in rows.items()),
        name="airports",
        collection="custom:airport",
        key="icao",
        more="  data_schema: airport.schema.json\n  batch: {max_records: 200}\n",
        quote=True,
    )
    return len(rows)
