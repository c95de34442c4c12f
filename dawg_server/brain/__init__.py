"""The text assistant: a model that reads and changes projects with the same commands as the mouse.

`service.Brain` lets turns begin and finds them again; `turn.Turn` is one of them.
"""
