"""What `gpo doctor` looks at: the machine, the state folder and its servers, and a task spec."""
