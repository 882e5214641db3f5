"""Records from rows of data: CSV and JSON Lines, read with places and made into records by a template."""
