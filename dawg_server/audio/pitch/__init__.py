"""The pitch of one voice: followed, written down as notes, moved and corrected."""
