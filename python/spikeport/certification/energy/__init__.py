"""Work in counts, and three models of the energy that they cost."""
