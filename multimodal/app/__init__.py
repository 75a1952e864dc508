"""A page in the browser with a tab for each of four predictors.

Only `multimodal.app.page` and `multimodal.app.server` import gradio, and only where they need it.
"""
