"""The parts that fields play: which is the right answer, which are inputs, which names the splits, and why."""
