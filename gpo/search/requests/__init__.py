"""What the optimizer model is sent: the meta-prompt, the list to continue, and the ways in which a step asks."""
