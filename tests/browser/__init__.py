"""Headless Chromium, driven from Python tests."""
