"""Constituency trees: reading, writing as symbols, scoring."""
