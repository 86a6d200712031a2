"""The data owner: a gradient in, a receipt and pay out."""
