"""Manifests and the project file: read with places, checked as a whole, made into desired records, edited in place."""
