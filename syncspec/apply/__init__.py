"""Carry a plan out: intents on disk before anything is sent, outcomes after it, and what became of unknown ones."""
