"""The parts of the GLUE program `spikeport.roberta.run_glue`, and the suite that runs it many times."""
