"""DAWG's server: the services between the faces (`handlers`) and the ground (`bus`)."""

__version__ = "2.0.0"
