"""One run, read after each of many lengths: what each gives and costs, and where samples could stop."""
