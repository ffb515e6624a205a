"""What happened to an experiment, who names what, and from a result back to the reason."""
