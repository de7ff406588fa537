"""What the tests of the containers share: an engine of their own, the image, compose, faults."""
