"""Launchers of real servers for the tests; each dies with the process that started it."""
