"""What ``model.compile`` says: the optimizer, the learning rate's schedule, the losses."""
