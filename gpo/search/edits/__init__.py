"""What an edit of an instruction is made of: whole sentences, and what a sound instruction may not lack."""
