"""The swap: a committed model sealed to a buyer, who checks before paying that the key will open that very model."""
