"""Plans, reports and diagnostics in every format that people and programs read: values in, text out; no clock."""
