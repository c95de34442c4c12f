"""DAWG's server: the services between the API layer (`handlers`) and the infrastructure (`bus`)."""

__version__ = "2.0.0"
