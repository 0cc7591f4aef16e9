"""The instruments of the course: what runs the experiments, records them and draws them."""
