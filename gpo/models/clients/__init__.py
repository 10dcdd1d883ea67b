"""What goes over the wire to a model: straight HTTP to OpenAI-compatible servers, LangChain to every other provider."""
