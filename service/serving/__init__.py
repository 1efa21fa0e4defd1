"""Behind the routes: the model manager, the queue, the worker processes."""
