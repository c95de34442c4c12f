"""Finishing a song on this server, without a key and without a network: render, mix, master, stems, edits."""
