"""The model that the application asks."""

from gpo.models.synthetic.chat import SyntheticChatModel, TaskParameters

MODEL = SyntheticChatModel(model="synthetic:task", parameters=TaskParameters(noise=0.05))
