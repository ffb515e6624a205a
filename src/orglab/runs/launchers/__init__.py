"""Launchers: let the tasks of a sweep be run by a scheduler, or by any command that takes another one."""
