"""What several test folders share: builders of values, and upstreams that answer as they are told."""
