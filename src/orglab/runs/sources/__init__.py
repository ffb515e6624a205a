"""Readers of the files in which trackers keep the metrics of a run, one module for each tracker."""
