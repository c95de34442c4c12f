"""Lyrics, read without a model: sections, rhymes, syllables, advice, and what a model's reading would cost.

Start at `analysis.analyze`, `advice.recommendations`, `organize.organize`, `validation.validate` and
`estimate.estimate_cost`. All of it is pure, deterministic and close to linear in the length of the text.
"""
