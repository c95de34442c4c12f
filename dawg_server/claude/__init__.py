"""Anthropic's Messages API.

`client` speaks to it; `message` puts its stream together, and keeps what it refuses out of requests and rows.
`small` asks the small model for text, or for an object that fits a schema (`structured`): its price is reserved before,
the answer checked and corrected once, and the usage booked after.
"""
