"""From clips on tracks to one sound: what a project says (`arrangement`), who goes where (`routing`), and the sum."""
