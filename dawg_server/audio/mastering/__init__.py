"""The last steps of a recording: its tone, its dynamics, its width and its loudness, decided by what is measured."""
