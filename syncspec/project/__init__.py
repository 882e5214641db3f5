"""The library face: open a project, validate, plan, apply, explain.

`core.py` does the work: `AsyncProject`, and `Project` for callers without an event loop. `syncspec` itself names what
is public; nothing is imported here, so that `validate` loads no more than it needs.
"""
