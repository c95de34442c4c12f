"""Marshmallow schemas of everything that comes in and goes out; the documents of the API are made from them."""
