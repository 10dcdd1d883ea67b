"""GPO: improves prompts with a language model as optimizer (Tang et al., arXiv 2402.17564)."""
