"""What differs between two revisions, as text: per environment the settings, the sets, and the sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncspec.planning.comparison import Comparison, parted
from syncspec.render.declared import as_plan, environments_title, setting_text
from syncspec.render.plan_text import plan_text
from syncspec.render.terminal import Painter, Style, visible
from syncspec.render.voice import DECLARED

__all__ = ["changes_text"]

_MOST_SETTINGS = 50


def changes_text(
    comparisons: Sequence[Comparison],
    *,
    older: str,
    newer: str,
    color: bool = False,
    full: bool = False,
    redact: bool = False,
) -> str:
    """The changes without their diagnostics. `full` shows every change, `redact` no value."""
    paint = Painter(color=color)
    parts = [f"From {visible(older)} to {visible(newer)}:\n"]
    common, each_alone = parted(comparisons)
    if common is not None and common.settings:
        parts.append(
            "".join(f"{line}\n" for line in _settings(common, paint, full=full, redact=redact)).rstrip() + "\n"
        )
    for comparison in each_alone:
        lines: list[str] = []
        title = environments_title(comparison)
        if title:
            lines += [paint(f"Environment {visible(title)}", Style.STRONG), ""]
        lines += _settings(comparison, paint, full=full, redact=redact)
        plan = as_plan(comparison, redact=redact)
        told = plan_text(plan, color=color, full=full, redact=redact, voice=DECLARED)
        parts.append("".join(f"{line}\n" for line in lines) + told)
    return "\n".join(parts)


def _settings(comparison: Comparison, paint: Painter, *, full: bool, redact: bool) -> Iterator[str]:
    """The settings that differ, the grave ones first and with a mark."""
    found = sorted(comparison.settings, key=lambda setting: not setting.grave)
    if not found:
        return
    yield paint("Settings", Style.STRONG)
    for setting in found if full else found[:_MOST_SETTINGS]:
        mark = paint("!", Style.WARNING) if setting.grave else " "
        place = f" ({visible(str(setting.source))})" if setting.source is not None else ""
        yield f"  {mark} {visible(setting_text(setting, redact=redact))}{place}"
    if not full and len(found) > _MOST_SETTINGS:
        yield f"    … and {len(found) - _MOST_SETTINGS:,} more (--full shows all)"
    yield ""
