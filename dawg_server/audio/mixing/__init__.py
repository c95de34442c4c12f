"""From clips on tracks to one sound: what a project says (`arrangement`), where that goes (`gain_matrix`), the sum."""
