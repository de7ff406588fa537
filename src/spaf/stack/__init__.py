"""The services: set them up, start them in order, watch them, end them."""
