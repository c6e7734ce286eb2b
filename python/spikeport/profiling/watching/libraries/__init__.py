"""How to read the neurons of each library; `registry` finds the reader of a module."""
