"""From statistics to pathologies: one function for each category, with the measurement it rests on and a fix."""
