"""Reading the experiments and runs that trackers keep, to make entries of them."""
