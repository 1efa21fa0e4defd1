"""Training: recipes, data, minibatches, loss, optimizers, run state, output and reports."""
