"""Training runs: recipes, data, minibatches, optimizers, state, reporting."""
