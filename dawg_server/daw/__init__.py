"""The document: projects and everything in them. Every change is a command."""
