"""REST: a route is declared once, beside its handler."""
