"""Repeatable comparisons; each program prints its figures as one JSON object on its last line."""
