"""A report as a person sees it: a page, text on a terminal, a table that follows a training."""
