"""The text assistant: a model that reads and changes projects with the same commands as the mouse.

`service.Brain` begins turns and finds them again; `turn_factory` makes a `turn.Turn` of a message. `history` and
`prompt` say what the model reads, `model_stream` asks it, `tool_runner` runs what it calls, `billing` pays.
"""
