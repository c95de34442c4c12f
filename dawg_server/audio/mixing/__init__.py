"""From clips on tracks to one sound: what a project says (`arrangement`), where it goes (`signal_graph`), `mixer`."""
