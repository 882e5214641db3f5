"""Plans and reports as one HTML file each, to be opened from disk: nothing is fetched, and values stay text."""

from syncspec.render.html.plan import plan_html
from syncspec.render.html.report import report_html

__all__ = ["plan_html", "report_html"]
