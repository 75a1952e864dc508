"""Figures: everything that is drawn, as matplotlib figures.

Every figure is a `page.Page`; `page.save_figure` writes it to a file.
"""
