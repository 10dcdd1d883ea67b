"""Many runs side by side: methods, tasks and seeds on equal budgets of calls."""
