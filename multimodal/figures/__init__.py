"""Figures of results, as matplotlib figures."""
