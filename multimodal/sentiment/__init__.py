"""Sentiment analysis: model, training, data, inference, result, report and linear baseline."""
