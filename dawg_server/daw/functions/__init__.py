"""What assistants can do: the catalogue, and the functions that work on the document."""
