"""The language model, for whoever of us talks to it.

`client` speaks to the provider, `answer` puts its stream together. `small` asks the small model for words or for a
`form` that is filled in: held back from the budget before, checked, corrected once, and booked after.
"""
