"""What the layers did, kept while it is recorded: arrays, streams, the recorders of a layer, and the ledger of all."""
