"""What is made from records of measurements: figures by name, plots and the talk."""
