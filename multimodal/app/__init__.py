"""A page in the browser for people who would rather click: four tabs over the four predictors.

Only `multimodal.app.page` and `multimodal.app.server` import gradio, and only where they need it.
"""
