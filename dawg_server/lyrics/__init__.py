"""Lyrics: sections, rhymes, syllables, advice.

Start at `service`. `analysis`, `advice`, `organize`, `validation` and `estimate` compute: all of it is pure,
deterministic and close to linear in the length of the text. `reading` and `sheet` are what a language model is asked,
and the checks that its answers have to pass.
"""
