"""Training on a hidden model: the model owner's noise, what owners compute on the view, and the gradient out of it.

What this hides, and from whom not, is in ``docs/model-privacy.md``; read that before relying on it.
"""
