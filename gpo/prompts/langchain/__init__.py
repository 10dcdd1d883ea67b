"""Prompts of the registry as LangChain has them: templates, system messages, a middleware for agents."""
