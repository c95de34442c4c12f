"""The sources of the pages."""
