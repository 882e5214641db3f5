"""Plans, changes and reports as one HTML file each, opened from disk: nothing is fetched, and values stay text."""

from syncspec.render.html.changes import changes_html
from syncspec.render.html.plan import plan_html
from syncspec.render.html.report import report_html

__all__ = ["changes_html", "plan_html", "report_html"]
