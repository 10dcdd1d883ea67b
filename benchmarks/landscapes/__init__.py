"""How good is a method of prompt optimization where the true quality of every prompt is known?

Simulated tasks, a server that plays the task model and the optimizer model, and a runner for our own search and for the
packages of others at equal calls. `python -m benchmarks.landscapes --help` tells the commands.
"""
