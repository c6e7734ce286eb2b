"""The passes: each takes a graph and returns a smaller one, and says what that did to the answer."""
