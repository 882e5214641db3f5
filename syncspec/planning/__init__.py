"""What is to be done, from what is declared, locked and observed: values in, a plan out; no file, clock or network."""
