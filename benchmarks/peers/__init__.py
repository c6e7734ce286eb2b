"""What runs in the peers' environment: every peer by its public API, nothing of its source."""
