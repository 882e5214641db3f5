"""Plans, reports and diagnostics as text and JSON: values in, text out; no file, no clock, no terminal."""
