"""The replay: graphs run before and after, on drives that are likely to show a difference."""
