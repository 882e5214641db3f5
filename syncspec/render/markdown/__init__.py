"""Plans, changes and reports as Markdown that fits a comment on a pull request."""

from syncspec.render.markdown.changes import changes_markdown
from syncspec.render.markdown.plan import plan_markdown
from syncspec.render.markdown.report import report_markdown

__all__ = ["changes_markdown", "plan_markdown", "report_markdown"]
