"""Records of measurements: a folder each, with everything that a figure of it rests on."""
