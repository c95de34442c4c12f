"""Music analysis in numpy: tempo, metre, swing, key, timbre, voice, style, and how several clips fit together.

`track.analyze` puts it all together; `clips` and `artists` need no numpy and may be imported anywhere.
"""
