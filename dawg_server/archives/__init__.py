"""Projects as files: a zip with `project.json` and the recordings, to keep, to move and to give away."""
