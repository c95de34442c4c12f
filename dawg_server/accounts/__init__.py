"""Local accounts: who people are, how they sign in, and how a login ends."""
